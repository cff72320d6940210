# The gate from what is committed: README's two commands in a fresh clone, and `make lint` between them.
# Sourced by run and latest, which may set `tests` (test, or test-all for the long tier) and define in_the_clone (called
# before anything is made of it) and in_the_environment (called once .venv is there).
set -uo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
learn=""
stop_learn() {
    [ -n "$learn" ] || return 0
    kill -TERM -- "-$learn" 2>/dev/null
    for _ in $(seq 20); do kill -0 -- "-$learn" 2>/dev/null || break; sleep 0.5; done
    kill -KILL -- "-$learn" 2>/dev/null
    wait "$learn" 2>/dev/null
    learn=""
}
trap 'stop_learn; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
step() { printf '\n== %s (after %s s)\n' "$1" "$SECONDS"; }

missing=()
command -v git >/dev/null || missing+=(git)
command -v make >/dev/null || missing+=(make)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
command -v chromium >/dev/null || missing+=(chromium) # the browser that the tests open JupyterLab in
command -v bwrap >/dev/null || missing+=(bubblewrap) # what submissions are graded in
if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null; then
    step "apt-get install ${missing[*]}"
    as_root=(); [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    "${as_root[@]}" apt-get update -q </dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" </dev/null
fi

step "clone"
# The checkout may belong to another user than the one who runs this; git would refuse to read it.
printf '[safe]\n\tdirectory = *\n' >"$work/gitconfig"
GIT_CONFIG_GLOBAL="$work/gitconfig" git clone -q "$repository" "$work/clone" || exit 1
cd "$work/clone" || exit 1
if declare -F in_the_clone >/dev/null; then in_the_clone || exit 1; fi

step "make learn"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root_too=""; [ "$(id -u)" != 0 ] || root_too=--allow-root
export PIP_PROGRESS_BAR=off NEED_GB="${NEED_GB:-4}"
export LAB_ARGS="--no-browser --ip=127.0.0.1 --port=$port --ServerApp.port_retries=0 --IdentityProvider.token=ci $root_too"
failed=0
set -m # a group of its own, so that the server and its kernels can be stopped together
make learn </dev/null >"$work/learn.log" 2>&1 &
learn=$!
set +m
if python3 tools/fetch_lab.py "http://127.0.0.1:$port" ci "$learn"; then
    echo "made the environment, served the page and a chapter"
else
    failed=1
    echo "make learn: FAILED; its output ends:"
    tail -n 40 "$work/learn.log"
fi
stop_learn
unset LAB_ARGS
if declare -F in_the_environment >/dev/null; then in_the_environment; fi

step "make lint"
make lint </dev/null || { failed=1; echo "make lint: FAILED"; }

step "make ${tests:=test}"
export MI_TUTOR_BROWSER=required
make "$tests" </dev/null || failed=1
exit $failed
