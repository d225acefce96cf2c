// Microsoft's own parser of the Kusto query language, asked about queries: standard input holds
// {"tables": {name: {column: type}}, "queries": [text]}, standard output [{"complaints": [text], "columns": [[name, type]]}].
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");

const { Symbols, GlobalState, KustoCode } = globalThis.Kusto.Language;
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const items = (list) => Array.from({ length: list.Count }, (_, number) => list.getItem(number));
const schema = (columns) => "(" + Object.entries(columns).map(([name, type]) => `['${name}']:${type}`).join(",") + ")";
const tables = Object.entries(input.tables).map(([name, columns]) => new Symbols.TableSymbol.$ctor7(name, schema(columns), null));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("graph", tables));
const answers = input.queries.map((text) => {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const complaints = items(code.GetDiagnostics()).filter((d) => d.Severity === "Error").map((d) => d.Message);
  const columns = code.ResultType && code.ResultType.Columns ? items(code.ResultType.Columns) : [];
  return { complaints, columns: columns.map((column) => [column.Name, column.Type.Name]) };
});
console.log(JSON.stringify(answers));
