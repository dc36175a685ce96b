from leeroo.evaluation.gains import draw, write_page


def entry(table, method, won):
    return {
        "table": table, "method": method, "won": won, "low": won - 0.02, "high": won + 0.02,
        "order": 0.8, "ece": 0.01, "pools": 300, "at_99": 0.5, "at_95": None, "won_by_means": won - 0.1,
    }  # fmt: skip


MORE = {"over_knn": (0.03, 0.011, 0.049)}
GAINS = [
    entry(table, method, won)
    for table in ("bfcl", "mine")
    for method, won in (("leeroo", 0.26), ("kNN", 0.23), ("fixed means", 0.0), ("left out", -0.2))
] + [entry("bfcl", method, 0.3) for method in ("held out", "held out kNN")]
GAINS = [gain | (MORE if gain["method"] in ("leeroo", "held out") else {}) for gain in GAINS]


def test_the_page_has_every_table_with_its_interval(tmp_path):
    write_page(GAINS, tmp_path / "GAINS.md")
    text = (tmp_path / "GAINS.md").read_text()
    assert "| `bfcl` | tool calls | 300 | 0.260 (0.240 to 0.280) | 0.230 (0.210 to 0.250) | +0.030 (+0.011" in text
    assert "to +0.049) | 0.16, 0.13 |" in text
    assert "| 0.010 | 0.50, 0.50, 0.50 | -, -, - |" in text
    assert (
        "| `bfcl` | 300 | 0.300 (0.280 to 0.320) | 0.300 (0.280 to 0.320) | +0.030 (+0.011 to +0.049) "
        "| 0.20, 0.20 | 0.800, 0.800 | 0.010 |" in text
    )
    assert "| `mine` | -0.200 (-0.220 to -0.180) | 0.800 | 0.010 |" in text


def test_the_picture_names_kinds_of_work(tmp_path):
    draw(GAINS, tmp_path / "GAINS.svg")
    assert "<svg" in (tmp_path / "GAINS.svg").read_text()
