"""Probes, metrics and the status, as those who ask for them see them."""

import json
import re
import time
from http.client import HTTPConnection

from stanchion.cluster.status import Status
from tests.cluster.conftest import Connect, Serve
from tests.cluster.load import NONE_REFUSED, Load, failures, under
from tests.cluster.running import until


def test_liveness_and_readiness(serve: Serve) -> None:
    server = serve("--workers", "2", "--check-interval", "0.1")
    until(lambda: "passes in 2 of 2" in server.admin("/readyz")[1].decode())
    assert server.admin("/livez") == (200, b"ok\n")
    assert json.loads(server.admin("/readyz")[1]) == {
        "ready": True,
        "checks": {
            "workers": {"ok": True, "detail": "2 of 2 serve"},
            "drain": {"ok": True, "detail": "not stopping"},
            "switch": {"ok": True, "detail": "passes in 2 of 2 workers"},
        },
    }


def test_a_check_that_fails_is_named_until_it_passes(serve: Serve) -> None:
    server = serve("--workers", "2", "--check-interval", "0.1")
    (server.folder / "broken").touch()
    until(lambda: server.admin("/readyz")[0] == 503)
    until(lambda: "passes in 0 of 2" in server.admin("/readyz")[1].decode())
    found = json.loads(server.admin("/readyz")[1])
    assert found["checks"]["switch"] == {
        "ok": False,
        "detail": "passes in 0 of 2 workers; RuntimeError: the switch is off",
    }
    assert (found["ready"], server.admin("/livez")[0], server.get("/pid")[0]) == (False, 200, 200)
    (server.folder / "broken").unlink()
    until(lambda: server.admin("/readyz")[0] == 200)


def test_without_any_worker_it_lives_and_is_not_ready(serve: Serve) -> None:
    server = serve("--workers", "1")
    (server.folder / "startup").write_text("exit")
    server.kill(server.full()[0])
    until(lambda: server.admin("/readyz")[0] == 503)
    assert server.admin("/livez")[0] == 200
    assert json.loads(server.admin("/readyz")[1])["checks"]["workers"] == {"ok": False, "detail": "0 of 1 serve"}
    until(lambda: server.status()["waiting"].get("0", 0) > 0.2)


def test_the_status_says_what_goes_on(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2")
    client, other = connect(server.port, 2)
    assert other.get("/pid")[0] == 200
    client.send("/sleep?seconds=4")
    until(lambda: sum(one["in_flight"] for one in server.status()["workers"]) == 1)
    status = server.status()
    assert status.keys() == set(Status.__struct_fields__)
    assert (status["app"], status["pid"], status["wanted"]) == ("app:app", server.process.pid, 2)
    assert status["urls"] == [f"http://127.0.0.1:{server.port}"]
    assert [(one["slot"], one["state"]) for one in status["workers"]] == [(0, "serving"), (1, "serving")]
    assert sum(one["connections"] for one in status["workers"]) == 2
    assert all(one["rss"] > 10_000_000 and one["age"] > 0 for one in status["workers"])
    assert [(one["method"], one["route"], one["statuses"]) for one in status["routes"]] == [("GET", "/pid", {"2xx": 1})]
    assert client.answer() == (200, b"slept")


def test_the_admin_port_changes_nothing(serve: Serve) -> None:
    server = serve()
    for path in ("/reload", "/scale", "/stop"):
        connection = HTTPConnection("127.0.0.1", server.admin_port, timeout=10)
        connection.request("POST", path, b'{"workers":2}', {"content-type": "application/json"})
        assert connection.getresponse().status == 404
        connection.close()
    assert server.status()["restarts"] == {}


def test_probes_do_not_wait_while_all_workers_are_busy(serve: Serve) -> None:
    server = serve("--workers", "2", NONE_REFUSED)
    load = Load(server.port, "/spin", rate=110)
    delays = []
    with under(load):
        until(lambda: sum(one["in_flight"] + (one["loop_lag"] > 0.01) for one in server.status()["workers"]) >= 2)
        connection = HTTPConnection("127.0.0.1", server.admin_port, timeout=10)
        for _ in range(500):
            began = time.monotonic()
            connection.request("GET", "/livez")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"ok\n")
            delays.append(time.monotonic() - began)
            time.sleep(0.003)
        connection.close()
    delays.sort()
    print(f"/livez beside busy workers: p50 {delays[250] * 1000:.1f} ms, p90 {delays[450] * 1000:.1f} ms")
    assert delays[450] < 0.1
    assert failures([load]) == []


def test_both_formats_by_the_accept_field(serve: Serve) -> None:
    server = serve()
    for accept, media_type, openmetrics in (
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text", True),
        ("text/plain", "text/plain", False),
        ("*/*", "text/plain", False),
    ):
        connection = HTTPConnection("127.0.0.1", server.admin_port, timeout=10)
        connection.request("GET", "/metrics", headers={"accept": accept})
        answer = connection.getresponse()
        page = answer.read()
        connection.close()
        assert answer.headers["content-type"].startswith(media_type)
        assert page.endswith(b"# EOF\n") == openmetrics
        assert re.search(rb"^stanchion_workers\b", page, re.MULTILINE)
