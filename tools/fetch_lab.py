"""Wait for a JupyterLab that is starting and read its page and a chapter: fetch_lab.py ADDRESS TOKEN PID.

Gives up when the process PID is gone or after 20 minutes, which is what a slow first installation takes.
"""

import json
import os
import sys
import time
from urllib.error import URLError
from urllib.request import Request, urlopen

PATIENCE_S = 20 * 60


def main() -> None:
    address, token, pid = sys.argv[1], sys.argv[2], int(sys.argv[3])
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            page = get(f"{address}/lab", token)
            break
        except (URLError, OSError):
            if not running(pid):
                sys.exit("the server stopped before it answered")
            if time.monotonic() > end:
                sys.exit(f"no answer within {PATIENCE_S // 60} minutes")
            time.sleep(1)
    if "jupyter-config-data" not in page:
        sys.exit(f"{address}/lab is not JupyterLab's page")
    names = [entry["name"] for entry in json.loads(get(f"{address}/api/contents", token))["content"]]
    chapters = sorted(name for name in names if name.endswith(".ipynb"))
    if not chapters:
        sys.exit(f"no chapter among the files that are served: {names}")
    chapter = json.loads(get(f"{address}/api/contents/{chapters[0]}", token))["content"]
    print(f"{chapters[0]}: {len(chapter['cells'])} cells; {len(chapters)} served")


def get(url: str, token: str) -> str:
    with urlopen(Request(url, headers={"Authorization": f"token {token}"}), timeout=30) as answer:
        return answer.read().decode()


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that ended and was not waited for still has its number.
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return True


if __name__ == "__main__":
    main()
