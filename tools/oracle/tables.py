"""Writes one table in the forms of pandas, Excel and R, and checks that pandas reads each as that table.

    python -m venv v && v/bin/pip install pandas==3.1.1 openpyxl==3.1.5 pyarrow==26.0.1
    v/bin/python tools/oracle/tables.py internal/table/testdata evaluation/testdata/tables

Forms that pandas does not write follow the manuals of R's write.table and of Excel. read_csv and read_excel are given
the separator, the encoding and the decimal mark; Fovea has to find them.
"""
import datetime
import decimal
import io
import json
import pathlib
import sys

import openpyxl
import pandas as pd

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
frame = pd.DataFrame({
    "path": ["test/a.png", "test/Größe 1, \"x\".png", "test/c.png", "test/正常.png"],
    "label": [0, 1, 2, 0],
    "no DR": [0.575223, 0.25, 1e-05, 0.3333333333333333],
    "mild, or worse": [0.252877, 0.5, 0.99998, 0.6666666666666666],
    "Größe": [0.1719, 0.25, 1e-05, 0.0],
})
floats = frame.assign(label=frame.label.astype(float))
names = list(frame.columns)
files = {}


def check(name, content, **how):
    """Keeps a file and checks that pandas reads it as the frame."""
    (out / name).write_bytes(content)
    if name.endswith(".xlsx"):
        got = pd.read_excel(io.BytesIO(content), **how)
    elif name.endswith(".parquet"):
        got = pd.read_parquet(io.BytesIO(content), **how)
    else:
        got = pd.read_csv(io.BytesIO(content), **how)
    got = got.dropna(axis=0, how="all").dropna(axis=1, how="all")
    got.columns = [c.strip() for c in got.columns]
    got = got.reset_index(drop=True)
    assert [c for c in got.columns if c in names] == names, (name, list(got.columns))
    for c in names:
        assert got[c].tolist() == frame[c].tolist(), (name, c, got[c].tolist())
    files[name] = True


def pandas(name, encoding="utf-8", table=frame, how=None, **o):
    o = {"index": False, **o}
    check(name, table.to_csv(**o).encode(encoding), encoding=encoding, sep=o.get("sep", ","),
          decimal=o.get("decimal", "."), lineterminator="\r" if o.get("lineterminator") == "\r" else None, **(how or {}))


pandas("pandas.csv")
pandas("pandas_index.csv", index=True, how={"index_col": 0})
pandas("pandas_unnamed.csv", index=True, how={"index_col": 0},
       table=pd.read_csv(io.StringIO(frame.to_csv())))
pandas("pandas_float.csv", table=floats)
pandas("pandas_quoted.csv", quoting=1)
pandas("pandas_mark.csv", encoding="utf-8-sig")
pandas("pandas_utf16.csv", encoding="utf-16")
pandas("pandas_utf16be.csv", encoding="utf-16-be")
pandas("pandas_semicolon.csv", sep=";", decimal=",")
pandas("pandas_tab.csv", sep="\t")
pandas("pandas_bar.csv", sep="|")
pandas("pandas_crlf.csv", lineterminator="\r\n")
pandas("pandas_cr.csv", lineterminator="\r")

for name, table, o in [("pandas.parquet", frame, {}), ("pandas_index.parquet", floats.set_index(pd.Index(list("abcd"))), {}),
                       ("pandas_category.parquet", frame.astype({"path": "category"}), {"compression": "zstd"}),
                       ("pandas_plain.parquet", frame, {"compression": None, "use_dictionary": False})]:
    check(name, table.to_parquet(**o))

german = frame.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")
plain = frame.to_csv(index=False, lineterminator="\r\n")
check("excel_german.csv", german.encode("utf-8-sig"), sep=";", decimal=",")
check("excel_sep.csv", ("sep=;\r\n" + german).encode("utf-8-sig"), sep=";", decimal=",", skiprows=1)
check("excel_unicode.txt", b"\xff\xfe" + frame.to_csv(index=False, sep="\t", decimal=",", lineterminator="\r\n")
      .encode("utf-16-le"), sep="\t", decimal=",", encoding="utf-16")
padded = "\r\n".join(line + ",," for line in plain.splitlines()) + "\r\n,,,,,,\r\n,,,,,,\r\n"
check("excel_empty.csv", padded.encode(), sep=",")
check("python_windows.csv", plain.replace("\r\n", "\r\r\n").encode(), sep=",")
head, rows = plain.split("\r\n", 1)
check("padded.csv", (" path, label ,no DR ,\"mild, or worse\",Größe \n" + rows.replace("\r\n", "\n")).encode())


def r(sep, dec, header):
    """The forms of write.table: strings in quotes, quotes doubled, row names from 1."""
    def cell(v):
        return '"%s"' % v.replace('"', '""') if isinstance(v, str) else repr(v).replace(".", dec)
    lines = [sep.join(header + [cell(c) for c in names])]
    for i, row in enumerate(frame.itertuples(index=False)):
        lines.append(sep.join([cell(str(i + 1))] + [cell(v) for v in row]))
    return ("\n".join(lines) + "\n").encode()


check("r_csv.csv", r(",", ".", ['""']), index_col=0)
check("r_csv2.csv", r(";", ",", ['""']), index_col=0, sep=";", decimal=",")
check("r_table.txt", r(" ", ".", []), sep=" ")
check("r_table_tab.txt", r("\t", ".", []), sep="\t")


def workbook(sheets, **o):
    b = io.BytesIO()
    with pd.ExcelWriter(b, engine="openpyxl") as w:
        for name, f in sheets.items():
            f.to_excel(w, sheet_name=name, **o)
    return b.getvalue()


check("excel.xlsx", workbook({"Tabelle1": frame}, index=False))
check("excel_index.xlsx", workbook({"Sheet1": floats}), index_col=0)
check("excel_legend.xlsx", workbook({"legend": pd.DataFrame({"code": [0, 1]}), "data": frame}, index=False),
      sheet_name="data")

(out / "two_sheets.xlsx").write_bytes(workbook({"train": frame, "test": frame}, index=False))
(out / "frame.json").write_text(json.dumps({"columns": names, "rows": frame.values.tolist(), "files": sorted(files)},
                                           ensure_ascii=False, indent=1) + "\n")

# Values that a Parquet file stores as numbers, as Python writes them, beside a column of lists; and the cells of a
# workbook that are merged over the rows of two eyes, as Excel shows them.
types = pd.DataFrame({
    "path": ["a", "b", "c"], "boxes": [[1, 2], [], [3]],
    "date": [datetime.date(2020, 2, 29), None, datetime.date(1969, 12, 31)],
    "day": pd.to_datetime(["2020-01-01", "1950-06-30", None]),
    "time": pd.to_datetime(["2020-01-01 10:30:00", "1950-06-30 23:59:59", None]),
    "decimal": [decimal.Decimal("2.50"), decimal.Decimal("-0.01"), None],
    "float": [1234567.0, 1e15, 0.0001], "label": [True, False, True],
})
types.to_parquet(out / "types.parquet", index=False)
book = openpyxl.Workbook()
for row in [["patient", "path", "label"], ["P1", "a", 0], [None, "b", 1], ["P2", "c", 2], [None, None, None],
            [None, "d", 3], ["P3", "e", 4]]:
    book.active.append(row)
book.active.merge_cells("A2:A3")
book.active.merge_cells("A4:A6")
book.save(out / "merged.xlsx")


def text(value):
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value).removesuffix(" 00:00:00")


kept = types.drop(columns="boxes")
(out / "types.json").write_text(json.dumps({
    "types.parquet": [list(kept.columns)] + [[text(v) for v in row] for row in kept.astype(object).values.tolist()],
    "merged.xlsx": [["patient", "path", "label"], ["P1", "a", "0"], ["P1", "b", "1"], ["P2", "c", "2"],
                    ["P2", "d", "3"], ["P3", "e", "4"]],
}, indent=1) + "\n")

# What pandas reads from the tables of predictions and labels in evaluation/testdata/tables.
if len(sys.argv) > 2:
    folder = pathlib.Path(sys.argv[2])
    cases = {}
    for name, how in {
        "class_called_as_column.csv": {"header": None, "skiprows": 1},
        "pandas_index.csv": {"index_col": 0}, "pred_float.csv": {},
        "commas.csv": {}, "hdrspace.csv": {"skipinitialspace": True}, "labels_float.csv": {}, "semi.csv": {"sep": ";"},
        "trail.csv": {},
    }.items():
        table = pd.read_csv(folder / name, **how).dropna(how="all")
        labels = [v.strip() if isinstance(v, str) else int(v) for v in table.iloc[:, 1]]
        scores = table.select_dtypes("float").iloc[:, (1 if name == "pred_float.csv" else 0):]
        cases[name] = {"path": table.iloc[:, 0].tolist(), "label": labels,
                       "scores": [] if "labels_float" in name else scores.values.tolist()}
    (folder / "pandas.json").write_text(json.dumps(cases) + "\n")
