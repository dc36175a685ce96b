"""One evaluation: `Report`, its figures with a table and a plot."""

from pathlib import Path

from leeroo.evaluation.figures import Figures
from leeroo.evaluation.plots import draw


class Report(Figures):
    """One evaluation. What it holds is described at `leeroo.evaluation.figures.Figures`."""

    def plot(self, file: str | Path) -> list[Path]:
        """Draw accuracy against cost to a .png or .svg file, calibration and regret by domain beside it.

        Returns:
            The files written: FILE, FILE-calibration, FILE-regret.

        Raises:
            ConfigError: Another suffix.
            MissingDependency: matplotlib is not installed.
        """
        return draw(self, Path(file))
