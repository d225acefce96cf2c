"""Runs Kusto queries with duckdb-kql on rows from standard input; a script of its own, for the environment that has it."""

import json
import sys

import duckdb_kql


def main():
    given = json.load(sys.stdin)
    connection = duckdb_kql.connect()
    for name, rows in given["tables"].items():
        dynamic = set(given["dynamic"][name])
        columns = list(rows[0])
        typed = ", ".join(f'"{column}" {"JSON" if column in dynamic else "VARCHAR"}' for column in columns)
        connection.execute(f'CREATE TABLE "{name}" ({typed})')
        for row in rows:
            values = [
                (None if row[column] is None else json.dumps(row[column])) if column in dynamic else row[column]
                for column in columns
            ]
            connection.execute(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(columns))})', values)
    print(json.dumps([run(connection, query) for query in given["queries"]], default=str))


def run(connection, query):
    try:
        rows = duckdb_kql.execute(connection, query).fetchall()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the verdict
        return {"failure": f"{type(error).__name__}: {error}"}
    return {"rows": [[text(value) for value in row] for row in rows]}


def text(value):
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "") + "Z"
    if hasattr(value, "total_seconds"):
        days, seconds = divmod(int(value.total_seconds()), 86400)
        return f"{f'{days}.' if days else ''}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return value


if __name__ == "__main__":
    main()
