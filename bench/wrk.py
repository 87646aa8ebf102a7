"""A cross-check of our load generator: wrk with a script, where it is installed."""

import re
import shutil
import subprocess
from typing import Final

from bodies import customer_id
from figures import Skipped
from setting import Setting

SCRIPT: Final = """
local random, format, path, headers = math.random, string.format, "%(path)s", {}
headers["Authorization"] = "Bearer %(key)s"
headers["Content-Type"] = "%(kind)s"
math.randomseed(%(seed)d)
function request()
  return wrk.format("POST", path, headers, format(
    "event_name=tokens&payload[stripe_customer_id]=cus_%%07d&payload[value]=%%d" ..
    "&identifier=%%08x%%08x%%08x%%08x", random(0, %(last)d), random(100, 999),
    random(0, 0xffffffff), random(0, 0xffffffff), random(0, 0xffffffff), random(0, 0xffffffff)))
end
"""


def wrk(setting: Setting, port: int, key: str, path: str, kind: str) -> float:
    """Requests a second on 64 connections. Raises Skipped without wrk, or if some were refused."""
    program = shutil.which("wrk")
    if program is None:
        raise Skipped("wrk is not installed")
    assert customer_id(0) == "cus_0000000"  # as the script writes it
    events = setting.events()
    script = setting.fresh_folder() / "report.lua"
    last = events.customers - 1
    script.write_text(
        SCRIPT % {"path": path, "key": key, "kind": kind, "seed": events.seed, "last": last}
    )
    seconds = f"{max(1, round(setting.seconds))}s"
    command = [program, "-t1", "-c64", f"-d{seconds}", f"-s{script}", f"http://127.0.0.1:{port}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise Skipped(f"wrk was refused: {said.splitlines()[-3:]}")
    found = re.search(r"Requests/sec:\s*([\d.]+)", said)
    if found is None:
        raise Skipped(f"wrk said something else: {said}")
    return float(found[1])
