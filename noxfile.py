"""The project's checks: `nox -l` lists them, `nox` runs the quick ones, `.ci/run` runs all."""

from __future__ import annotations

import re
import shutil
from configparser import ConfigParser
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "docs", "fast"]
ROOT = Path(__file__).parent
OLDEST, NEWEST = "3.10", "3.13"
# Both ends of the range; `coverage` and `heavy` have the default Python between them.
BUILDS = [
    nox.param(OLDEST, "lowest", id=f"{OLDEST}, lowest"),
    nox.param(NEWEST, "newest", id=f"{NEWEST}, newest"),
]
# The tests that meet the frameworks.
MEETING = (
    "tests/public",
    "tests/page",
    "tests/cli",
    "tests/docs/test_examples.py",
    "tests/events/test_outcomes.py",
    "tests/events/test_sinks.py",
    "tests/promises/test_brief.py",
    "tests/promises/test_conformance.py",
)
# Those of the packages that other libraries do the work of: pydantic, SQLAlchemy, SciPy.
READING = ("tests/rules", "tests/events", "tests/report", "tests/lab")
# The tests that a package's mutants are held against, beside its own and the public modules'.
ALSO = {
    "decision": ("tests/catalogue", "tests/engine", "tests/links", "tests/page/test_dress.py"),
    "events": (
        "tests/decision/test_experiment.py",
        "tests/promises/test_logs.py",
        "tests/rules",
        "tests/report/test_counts.py",
        "tests/cli/test_check.py",
    ),
}
QUICK = "not slow and not engines and not servers"
WHOLE = ("python", "-m", "pytest", "-n", "auto", "--dist", "worksteal")
REQUIRED = {"ESCAPE_MW_REQUIRE_ENGINES": "1"}  # what is missing fails, and is not skipped
COVERED = 96  # per cent of lines and branches
PYTEST = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", "-m", QUICK)
SITE = "tests/public/typed_site.py"
TYPED = ("mypy", "types-PyYAML", "types-waitress")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff; mypy with all that is optional; a site's own code, by mypy and by pyright."""
    session.install("-e", ".[test]", "ruff", "pyright[nodejs]", *TYPED)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("mypy", "--strict", SITE)
    session.run("pyright", SITE)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation's site in docs/_build, with warnings as errors."""
    session.install("-e", ".[docs,serve,report,prometheus,opentelemetry]", "flask", "django")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build")


@nox.session
def fast(session: nox.Session) -> None:
    """All tests but the slow ones and those with engines or servers; arguments go to pytest."""
    session.install("-e", ".[test]")
    session.run(*PYTEST, *session.posargs)


@nox.session
@nox.parametrize(["python", "versions"], BUILDS)
def wheel(session: nox.Session, versions: str) -> None:
    """The built wheel, by the tests that meet other libraries; "lowest" pins what has a floor."""
    work = _folder(session)
    session.install("uv")
    session.run("uv", "build", "--quiet", "--wheel", "--clear", "--out-dir", str(work / "dist"))
    [built] = (work / "dist").glob("*.whl")
    pinned = _constraints(work) if versions == "lowest" else ()
    session.install(f"escape-mw[test] @ {built.as_uri()}", *pinned)
    session.chdir(_without_the_package(work / "tree"))
    where = (*MEETING, *READING) if versions == "lowest" else MEETING
    session.run(*PYTEST, *where, env={"ESCAPE_MW_CORPORA": None})


def _folder(session: nox.Session) -> Path:
    """A folder of the session's.

    Not `create_tmp`, which becomes the tests' TMPDIR: its path is too long for a socket, and
    closed to the user that a database runs as.
    """
    folder = Path(session.virtualenv.location).resolve() / "work"
    folder.mkdir(exist_ok=True)
    return folder


def _constraints(work: Path) -> tuple[str, str]:
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    wanted = [settings["options"]["install_requires"], *settings["options.extras_require"].values()]
    floors = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?>=([\w.]+)$", "\n".join(wanted), re.M))
    (work / "floors.txt").write_text("\n".join(f"{n}=={v}" for n, v in floors.items()), "utf-8")
    return "--constraint", str(work / "floors.txt")


def _without_the_package(copy: Path) -> Path:
    """A copy of the tree in which only the wheel can be imported.

    The catalogue's sources stay, for the tests hold the wheel's JSON against them.
    """
    shutil.rmtree(copy, ignore_errors=True)
    unwanted = (".*", "*.egg-info", "build", "dist", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*unwanted, "escape_mw"))
    (copy / "escape_mw/catalogue").mkdir(parents=True)
    for source in (ROOT / "escape_mw/catalogue").glob("*.yaml"):
        shutil.copy(source, copy / "escape_mw/catalogue")
    return copy


@nox.session
def fuzz(session: nox.Session) -> None:
    """A minute of fuzzing; then a planted fault, which must be found."""
    session.install(".", "atheris")
    corpus = _folder(session) / "corpus"
    shutil.rmtree(corpus, ignore_errors=True)
    shutil.copytree("tests/fuzz/corpus", corpus)
    fuzzer = ["python", "tests/fuzz/fuzz.py", "-dict=tests/fuzz/tokens.dict", "-verbosity=0"]
    fuzzer += [f"-artifact_prefix={corpus.parent}/", str(corpus)]
    session.run(*fuzzer, "-max_total_time=60")
    planted = {"ESCAPE_MW_PLANTED": "1"}
    said = session.run(
        *fuzzer, "-max_total_time=120", env=planted, success_codes=range(1, 256), silent=True
    )
    if "the planted fault" not in str(said):
        session.error("the planted fault was not found")


@nox.session
def coverage(session: nox.Session) -> None:
    """The same tests as `fast`, and how much of the package they run."""
    session.install("-e", ".[test]", "fastapi", "pytest-cov")
    measured = ("--cov", "--cov-report=term:skip-covered", f"--cov-fail-under={COVERED}")
    session.run(*WHOLE, "-m", QUICK, *measured, *session.posargs, env=REQUIRED)


@nox.session
def peers(session: nox.Session) -> None:
    """Other projects' own tests, bare and wrapped; none may fail by us. Arguments are names."""
    session.install("pip", "uv", "PyYAML")
    session.run("python", "-m", "tests.peers", str(_folder(session)), *session.posargs)


@nox.session(venv_backend="venv")
def heavy(session: nox.Session) -> None:
    """The tests that `fast` leaves out, with every engine and server: none may be missing."""
    session.install("--upgrade", "uwsgi", "httptools", "build", "setuptools")
    session.run("python", "-m", "pip", "install", "--quiet", "-e", ".[test]")
    session.run(*WHOLE, "-m", f"not ({QUICK})", *session.posargs, env=REQUIRED)


@nox.session
def mutants(session: nox.Session) -> None:
    """Faults in decision, page and events that no test finds; hours. Arguments: which of them."""
    session.install("-e", ".[test]", "mutmut>=3.8", *TYPED)
    work, trees = _folder(session), []
    for package in session.posargs or ("decision", "page", "events"):
        tree = work / package
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "build", "dist"))
        settings = ConfigParser()
        settings.read(ROOT / "setup.cfg", "utf-8")
        tests = (f"tests/{package}", "tests/public", *ALSO.get(package, ()))
        settings["mutmut"]["only_mutate"] = f"escape_mw/{package}/*"
        settings["mutmut"]["pytest_add_cli_args_test_selection"] = "\n".join(tests)
        with (tree / "setup.cfg").open("w", encoding="utf-8") as file:
            settings.write(file)
        with session.chdir(tree):
            session.run("mutmut", "run")
        trees.append(str(tree))
    session.run("python", "-m", "tests.mutants", *trees)
