"""Answers requests from standard input, one line of JSON each, on standard output. See child.rs."""

import json
import sys
import traceback


def answer_lines(functions):
    """Answers each line with the function that its "do" names, until the end of input."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": functions[request["do"]](request)}
        except Exception:
            answer = {"error": " ".join(traceback.format_exc(limit=-3).split("\n")[-4:])}
        print(json.dumps(answer), flush=True)
