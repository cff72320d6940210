"""A JupyterLab spoken to as its page does: its contents over HTTP, a kernel's cells over a websocket."""

import contextlib
import json
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE_S = 600


class Client:
    """Options for a server to start with, and how to speak to it then."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.token = secrets.token_hex(16)

    def options(self) -> list[str]:
        """JupyterLab's."""
        address = ["--ip=127.0.0.1", f"--port={self.port}", "--ServerApp.port_retries=0"]
        return ["--no-browser", "--allow-root", *address, f"--IdentityProvider.token={self.token}"]

    def wait(self, is_running: Callable[[], bool]) -> None:
        """Until it answers. TimeoutError when it does not, or has ended."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.ask("api/status")
                return
            except OSError:
                if not is_running() or time.monotonic() > end:
                    raise TimeoutError("JupyterLab did not start") from None
                time.sleep(0.3)

    def get(self, path: str, method: str = "GET", content: Any = None) -> str:
        url = f"http://127.0.0.1:{self.port}/{path}"
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        data = None if content is None else json.dumps(content).encode()
        try:
            with urlopen(Request(url, data, headers, method=method), timeout=PATIENCE_S) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            raise OSError(f"{method} {path}: {error}: {error.read()[:500]!r}") from None

    def ask(self, path: str, method: str = "GET", content: Any = None) -> Any:
        return json.loads(self.get(path, method, content))

    def run(self, path: str, cells: slice = slice(None)) -> str:
        """These cells of a notebook, which is then saved with their outputs; what went wrong, or nothing."""
        import nbformat

        notebook = nbformat.from_dict(self.ask(f"api/contents/{path}")["content"])
        wanted = {"path": path, "name": path, "type": "notebook", "kernel": {"name": notebook.metadata.kernelspec.name}}
        session = self.ask("api/sessions", "POST", wanted)
        with contextlib.closing(Channels(self, session["kernel"]["id"])) as channels:
            for number, cell in list(enumerate(notebook.cells, 1))[cells]:
                if cell.cell_type == "code":
                    cell.outputs = []
                    if problem := channels.execute(cell.source, cell.outputs):
                        return f"cell {number}: {problem}"
        self.ask(f"api/contents/{path}", "PUT", {"type": "notebook", "format": "json", "content": notebook})
        return ""


class Channels:
    """A kernel's messages by way of the server."""

    def __init__(self, client: Client, kernel: str) -> None:
        from jupyter_client.session import Session
        from websocket import create_connection

        self.session = Session()
        address = f"ws://127.0.0.1:{client.port}/api/kernels/{kernel}/channels?session_id={self.session.session}"
        self.socket = create_connection(address, timeout=PATIENCE_S, header=[f"Authorization: token {client.token}"])

    def execute(self, code: str, outputs: list[Any]) -> str:
        """Run a cell and collect what it shows; what went wrong, or nothing."""
        from jupyter_client.jsonutil import json_default
        from nbformat.v4 import output_from_msg

        request = self.session.msg("execute_request", {"code": code, "silent": False, "store_history": True})
        request |= {"channel": "shell", "buffers": []}
        self.socket.send(json.dumps(request, default=json_default))
        problem, waiting_for = "", {"reply", "idle"}
        while waiting_for:
            message = self.receive()
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] in ("restarting", "dead", "autorestarting"):
                return "its kernel died"
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            if kind in ("stream", "display_data", "execute_result", "error"):
                outputs.append(output_from_msg(message))
            if kind == "error":
                problem = f"{content['ename']}: {content['evalue']}"
            if kind == "execute_reply":
                waiting_for.discard("reply")
            if kind == "status" and content["execution_state"] == "idle":
                waiting_for.discard("idle")
        return problem

    def receive(self) -> dict[str, Any]:
        """The next message. ConnectionError when the server is gone."""
        from jupyter_server.services.kernels.connection.base import deserialize_binary_message
        from websocket import WebSocketException

        try:
            data = self.socket.recv()
        except WebSocketException as error:
            raise ConnectionError(str(error)) from None
        return json.loads(data) if isinstance(data, str) else deserialize_binary_message(data)

    def close(self) -> None:
        self.socket.close()
