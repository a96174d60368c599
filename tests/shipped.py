"""The theories that come with the workbench, without the ledgers that lie beside them."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "specs"
LEDGERS = sorted(FOLDER.glob("*.tuned-*.yaml"))
SPECS = sorted(set(FOLDER.glob("*.yaml")).difference(LEDGERS))
