"""An MCP server whose schemas could hold up what checks its tools."""

import json
import sys
from typing import Any

HOSTILE = {"type": "string", "pattern": "^(a+)+$"}
SLOW = {"items": {"anyOf": [*({"const": n} for n in range(1_000)), {"const": -1}]}}
LONG = "a" * 40 + "!"


def tool(name: str, given: Any, result: Any) -> dict[str, Any]:
    made = {"inputSchema": given, "outputSchema": result}
    return {
        "name": name,
        **{k: {"type": "object", "properties": {"x": v}} for k, v in made.items()},
    }


TOOLS = (
    tool("backtracks", HOSTILE, HOSTILE),
    tool("slow", {}, SLOW),
    tool("fetches", {"$ref": "http://127.0.0.1:9/x"}, {"$ref": "http://127.0.0.1:9/x"}),
    tool("looks_ahead", {"pattern": "(?=a)"}, {"pattern": "(?=a)"}),
)
RESULTS: dict[str, Any] = {
    "backtracks": LONG,
    "slow": [-1] * 5_000,
    "fetches": 1,
    "looks_ahead": "a",
}


def answer(method: str, params: Any) -> Any:
    if method == "initialize":
        about = {"name": "hostile", "version": "1"}
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": list(TOOLS)}
    if method == "tools/call":
        said = [{"type": "text", "text": "Here you are."}]
        return {"content": said, "structuredContent": {"x": RESULTS[params["name"]]}}
    return None


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        result = answer(asked["method"], asked.get("params"))
        failed = {"error": {"code": -32601, "message": "Method not found"}}
        found = {"result": result} if result is not None else failed
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **found}), flush=True)
