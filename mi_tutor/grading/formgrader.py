"""Formgrader's pages under a policy: no script runs in them but nbgrader's own, by a word drawn anew for each page.

nbgrader has no setting for that, and writes names and addresses into its pages as they come. Its handlers read the policy
from a property that Jupyter's documentation means to be replaced, and every page comes from one of two places, so this
module replaces those. nbgrader_config.py is read in the server's process before the first page is made.
"""

import base64
import hashlib
import re
import secrets
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from jinja2.ext import Extension
from traitlets.config import Config

from mi_tutor.grading.inert import NBGRADERS_TEMPLATES, configure_pages

_word: ContextVar[str] = ContextVar("word that makes a script nbgrader's own")
_HANDLER = re.compile(r'\son[a-z]+="([^"{]+)"')
_IN_SCRIPT = re.compile(r'"\{\{ (\w+) \}\}";')


def guard() -> None:
    """Put formgrader's pages under the policy where this is the process that serves them, and do nothing elsewhere."""
    module = sys.modules.get("nbgrader.server_extensions.formgrader.base")
    if module is None or getattr(module.BaseHandler, "guarded", False):
        return
    handlers = module.BaseHandler
    policy_before = handlers.content_security_policy.fget
    handlers.guarded = True
    handlers.content_security_policy = property(lambda self: f"{policy_before(self)}; {_policy(self)}")
    handlers.exporter = property(_exporter)
    handlers.render = _render


class NbgradersScripts(Extension):
    """Marks the scripts that stand in nbgrader's own templates, and has what they are told spelled as JavaScript."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        if filename is None or NBGRADERS_TEMPLATES not in Path(filename).parents:
            return source
        source = _IN_SCRIPT.sub(r"{{ \1 | tojson }};", source)
        return source.replace("<script", '<script nonce="{{ script_word() }}"')


def _policy(handler: Any) -> str:
    allowed = f"'nonce-{_word_of(handler)}' 'unsafe-hashes' {' '.join(_handlers_in_templates())}"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )


def _word_of(handler: Any) -> str:
    """The same for as long as one request is answered."""
    if not hasattr(handler, "script_word"):
        handler.script_word = secrets.token_urlsafe(18)
    return str(handler.script_word)


def _handlers_in_templates() -> list[str]:
    """The hashes of the few `onclick` attributes that nbgrader's templates have."""
    texts = [path.read_text(encoding="utf-8") for path in NBGRADERS_TEMPLATES.rglob("*") if path.is_file()]
    codes = sorted({code for text in texts for code in _HANDLER.findall(text)})
    return [f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" for code in codes]


def _render(handler: Any, name: str, **values: Any) -> str:
    environment = handler.settings["nbgrader_jinja2_env"]
    environment.autoescape = True
    _mark_scripts(environment, handler)
    return str(environment.get_template(name).render(**values))


def _exporter(handler: Any) -> Any:
    """Nbconvert's exporter for a submission; nbgrader's own is made once, and not with the settings of a course opened later."""
    from nbconvert.exporters import HTMLExporter

    config = handler.settings["nbgrader_formgrader"].config
    made_with, exporter = handler.settings.get("mi_tutor_exporter", (None, None))
    if made_with != config:
        inert = Config(config)
        configure_pages(inert)
        exporter = HTMLExporter(config=inert)
        handler.settings["mi_tutor_exporter"] = (Config(config), exporter)
    _mark_scripts(exporter.environment, handler)
    return exporter


def _mark_scripts(environment: Any, handler: Any) -> None:
    _word.set(_word_of(handler))
    if NbgradersScripts.identifier not in environment.extensions:
        environment.add_extension(NbgradersScripts)
        environment.globals["script_word"] = _word.get
