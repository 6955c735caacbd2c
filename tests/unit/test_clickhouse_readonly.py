"""What a reader may send: one statement that reads tables, and no way out of the database."""

from __future__ import annotations

import pytest

from app.adapters.clickhouse.readonly import only_reading
from app.errors import QueryError


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  -- a comment\n select 1;\n",
        "/* file( */ WITH 1 AS x SELECT x",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "DESCRIBE TABLE (SELECT 1)",
        "SELECT 'file(''/etc/passwd''); DROP', '$purchase', 'INTO OUTFILE'",
        "SELECT 'it\\'s file(', `a;b`, \"c$d\" FROM t",
        "SELECT file, profile(1), file_name FROM t WHERE name LIKE '$%'",
        "SELECT {x:String}",
        "SELECT '\u2018größe\u2019', `größe`, \"größe\" -- größe\nFROM t // größe\nWHERE a >= 1",
        "SELECT a ? [b]::Int8 : {'d': 1}, c || d, e % 2 != 3, x -> x.1, ^f, g@h",
    ],
)
def test_a_statement_that_reads_tables_passes_unchanged(sql: str) -> None:
    assert only_reading(sql) == sql


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("INSERT INTO t SELECT 1", "INSERT"),
        ("/* SELECT */ DROP TABLE t", "DROP"),
        ("KILL QUERY WHERE 1", "KILL"),
        ("", "begin with SELECT"),
        ("SELECT file('/etc/passwd')", r"file\(\)"),
        ("SELECT FILE /* x */ ('/etc/passwd')", r"file\(\)"),
        ("SELECT `file`('/etc/passwd')", "quoted name"),
        ("SELECT \"fi\\x6ce\" ('/etc/passwd')", "quoted name"),
        ("SELECT * FROM Python(df)", r"python\(\)"),
        ("SELECT 1 INTO\nOUTFILE 'x'", "INTO OUTFILE"),
        ("SELECT 1; DROP TABLE t", "second statement"),
        ("SELECT $$'$$, file('/etc/passwd') --'", r"file\(\)|'\$'"),
        ("SELECT $$'$$, 1 --'", r"'\$'"),
        ("SELECT 1, // '\nfile('/etc/passwd') // '", r"file\(\)"),
        ("SELECT \u2018'\u2019, file(\u2018/etc/passwd\u2019), \u2018'\u2019", "'\u2018'"),
        ("SELECT \u201c'\u201d, file(\u201c/etc/passwd\u201d), \u201c'\u201d", "'\u201c'"),
        ("SELECT \u2018'\u2019 INTO OUTFILE \u2018x'\u2019", "'\u2018'"),
        ("SELECT file\u200b('/etc/passwd')", r"'\\u200b'"),
        ("SELECT 1 INTO\ufeffOUTFILE 'x'", r"'\\ufeff'"),
        ("SELECT 'it", '"\'"'),
        ("SELECT 1 #\t'\n, file('/etc/passwd') #'", "'#'"),
        ("SELECT 1\x00, file('/etc/passwd')", "NUL"),
        ("SELECT '' -- '\n, file('/etc/passwd')", r"file\(\)"),
    ],
)
def test_a_way_out_is_refused_and_named(sql: str, named: str) -> None:
    with pytest.raises(QueryError, match=named):
        only_reading(sql)
