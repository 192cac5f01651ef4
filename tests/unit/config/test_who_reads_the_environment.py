import ast
from pathlib import Path

import elonara

ROOT = Path(elonara.__file__).parent
# The options; the modules that set DJANGO_SETTINGS_MODULE for Django; and `archives`, whose pg_dump inherits the whole
# environment, since libpq reads some settings of the connection from there.
ALLOWED = {"config/options.py", "config/wsgi.py", "cli/__init__.py", "cli/django.py", "cli/archives.py"}


def mentions_environment(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}:
            return True
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {a.name for a in node.names}
        ):
            return True
    return False


def test_only_the_options_read_the_environment():
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if mentions_environment(path)}
    assert "config/options.py" in found
    assert found <= ALLOWED
