"""Purges on their way: they wait for nobody, nobody waits for them, and none is lost without a word."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec
import pytest

from stanchion.cache.purging import Cloudflare, CloudFront, Credentials, Fastly, Purger
from stanchion.cache.purging.exchange import trust
from stanchion.cache.purging.sender import Patience
from tests.cache.purging.recorder import CERTIFICATE, NOTHING, Recorder, Told, recording
from tests.ports import free_port

QUICK = Patience(pause=0.02)
TOKEN = "secret-token"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


def fastly(url: str) -> Fastly:
    return Fastly(service="one", token=TOKEN, url=url)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def keys(recorder: Recorder) -> list[list[str]]:
    return [msgspec.json.decode(received.body)["surrogate_keys"] for received in recorder.received]


def close(purger: Purger, seconds: float = 5.0) -> None:
    asyncio.run(purger.close(seconds))


def test_every_cdn_is_told_and_a_response_has_the_fields_of_all(recorder: Recorder) -> None:
    cloudflare = Cloudflare(zone="zone", token=TOKEN, url=f"{recorder.url}/client/v4")
    cloudfront = CloudFront(distribution="E1", credentials=Credentials("key", "secret"), url=recorder.url)
    purger = Purger([fastly(recorder.url), cloudflare, cloudfront])
    assert repr(purger) == "<Purger to fastly:one, cloudflare:zone, cloudfront:E1>"
    assert purger.fields(["b", "a"]) == [(b"surrogate-key", b"a b"), (b"cache-tag", b"a,b"), (b"cache-tag", b"a,b")]
    purger.purge(["airport:JFK", ""])
    close(purger)
    assert sorted(received.path for received in recorder.received) == [
        "/2020-05-31/distribution/E1/invalidation",
        "/client/v4/zones/zone/purge_cache",
        "/service/one/purge",
    ]
    assert all(b"airport:JFK" in received.body for received in recorder.received)
    counts = {"waiting": 0, "sent": 1, "failed": 0, "dropped": 0, "retried": 0}
    assert purger.statistics() == {"fastly:one": counts, "cloudflare:zone": counts, "cloudfront:E1": counts}


@pytest.mark.parametrize("failure", [Told(status=500), Told(status=429), Told(status=503, body=b"busy"), NOTHING])
def test_a_cdn_that_fails_first_is_told_again(recorder: Recorder, failure: Told) -> None:
    recorder.told = [failure] * 3
    purger = Purger([fastly(recorder.url)], QUICK)
    purger.purge(["airport:JFK"])
    close(purger)
    assert keys(recorder) == [["airport:JFK"]] * 4
    counts = purger.statistics()["fastly:one"]
    assert (counts["sent"], counts["failed"], counts["retried"]) == (1, 0, 3)


def test_a_cdn_that_is_away_is_told_when_it_is_back() -> None:
    purger = Purger([fastly(f"http://127.0.0.1:{free_port()}")], QUICK)
    purger.purge(["airport:JFK"])
    until(lambda: purger.statistics()["fastly:one"]["retried"] > 1)
    assert purger.statistics()["fastly:one"]["waiting"] == 1
    close(purger, 0.0)


def test_retry_after_is_kept_to(recorder: Recorder) -> None:
    recorder.told = [Told(status=429, fields={"Retry-After": "1"})]
    purger = Purger([fastly(recorder.url)], QUICK)
    purger.purge(["airport:JFK"])
    close(purger)
    first, second = recorder.received
    assert 1 <= second.at - first.at < 3


def test_the_pauses_grow_and_have_an_end(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.told = [Told(status=503, body=b"the reason")] * 5
    purger = Purger([fastly(recorder.url)], Patience(pause=0.01, longest=0.02, attempts=5))
    purger.purge(["airport:JFK", "airports"])
    until(lambda: purger.statistics()["fastly:one"]["failed"] == 2)
    assert len(recorder.received) == 5
    assert all(later.at - earlier.at < 1 for earlier, later in pairwise(recorder.received))
    assert "fastly:one: 2 tags are not purged there: 503 the reason" in caplog.text
    purger.purge(["later"])  # and it goes on
    close(purger)
    assert keys(recorder)[-1] == ["later"]


def test_a_refusal_that_does_not_pass_is_told_of_at_once(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.told = [Told(status=403, body=b'{"msg":"no such token"}')]
    purger = Purger([fastly(recorder.url)], QUICK)
    purger.purge(["airport:JFK"])
    close(purger)
    assert len(recorder.received) == 1
    assert 'fastly:one: 1 tags are not purged there: 403 {"msg":"no such token"}' in caplog.text
    assert TOKEN not in caplog.text
    assert purger.statistics()["fastly:one"]["failed"] == 1


def test_credentials_that_cannot_be_had_are_a_failure_like_others(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def none() -> Credentials:
        raise KeyError("secret")

    patience = Patience(pause=0.001, attempts=3)
    purger = Purger([CloudFront(distribution="E1", credentials=none, url=recorder.url)], patience)
    purger.purge(["airport:JFK"])
    close(purger)
    assert "cloudfront:E1: 1 tags are not purged there: 0 KeyError" in caplog.text
    assert "secret" not in caplog.text


def test_an_invalidation_is_the_same_one_when_it_is_tried_again(recorder: Recorder) -> None:
    recorder.told = [Told(status=400, body=b"<Error><Code>TooManyInvalidationsInProgress</Code></Error>")]
    purger = Purger([CloudFront(distribution="E1", credentials=Credentials("key", "secret"), url=recorder.url)], QUICK)
    purger.purge(["airport:JFK"])
    close(purger)
    first, second = recorder.received
    assert first.body == second.body


def test_nobody_waits_and_what_comes_meanwhile_goes_together_each_tag_once(recorder: Recorder) -> None:
    recorder.told = [Told(after=2)]
    purger = Purger([fastly(recorder.url)], QUICK)
    began = time.monotonic()
    purger.purge(["first"])
    until(lambda: len(recorder.received) == 1)
    for number in range(1000):
        purger.purge([f"tag:{number % 300}", "first"])
    assert time.monotonic() - began < 2
    close(purger)
    first, second, third = keys(recorder)
    assert first == ["first"]  # what is invalidated while it is being told is told once more
    assert len(second) == 256
    assert sorted([*second, *third]) == sorted(["first", *(f"tag:{number}" for number in range(300))])
    assert purger.statistics()["fastly:one"]["sent"] == 302


def test_one_that_is_slow_keeps_no_other_waiting(recorder: Recorder) -> None:
    recorder.told = [Told(after=1)]
    with recording() as other:
        purger = Purger([Fastly(service="slow", token=TOKEN, url=recorder.url), fastly(other.url)])
        purger.purge(["airport:JFK"])
        until(lambda: purger.statistics()["fastly:one"]["sent"] == 1)
        assert purger.statistics()["fastly:slow"]["sent"] == 0
        close(purger)
        assert purger.statistics()["fastly:slow"]["sent"] == 1


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_checked(
    trusted: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    trust.cache_clear()
    with recording(tls=True) as secure:
        purger = Purger([fastly(secure.url)], Patience(pause=0.001, attempts=2))
        purger.purge(["airport:JFK"])
        close(purger)
        assert purger.statistics()["fastly:one"]["sent"] == trusted
        assert len(secure.received) == trusted
    trust.cache_clear()
    assert ("CERTIFICATE_VERIFY_FAILED" in caplog.text) is not trusted


def test_the_end_is_bounded_and_says_what_was_not_told(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.told = [Told(after=4)]
    purger = Purger([fastly(recorder.url)], Patience())
    purger.purge(["told too late"])
    until(lambda: len(recorder.received) == 1)
    purger.purge(["never told"])
    began = time.monotonic()
    close(purger, 0.1)
    assert time.monotonic() - began < 3
    assert "fastly:one: 2 tags were not purged there before the end" in caplog.text
    assert purger.statistics()["fastly:one"] == {"waiting": 0, "sent": 0, "failed": 2, "dropped": 0, "retried": 0}
    purger.purge(["after the end"])
    assert purger.statistics()["fastly:one"]["dropped"] == 1


def test_the_end_does_not_wait_out_a_pause_that_is_longer(recorder: Recorder) -> None:
    recorder.told = [Told(status=429, fields={"Retry-After": "30"})]
    purger = Purger([fastly(recorder.url)], QUICK)
    purger.purge(["airport:JFK"])
    until(lambda: len(recorder.received) == 1)
    began = time.monotonic()
    close(purger, 20)
    assert time.monotonic() - began < 10
    assert purger.statistics()["fastly:one"]["failed"] == 1


def test_what_waits_is_bounded(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.told = [Told(after=0.2)]
    purger = Purger([fastly(recorder.url)], Patience(most=10))
    purger.purge(["first"])
    until(lambda: len(recorder.received) == 1)
    purger.purge([f"tag:{number}" for number in range(10)])
    purger.purge(["one too many", "tag:3"])
    assert purger.statistics()["fastly:one"]["dropped"] == 1
    assert "fastly:one: 1 tags are not purged there, 10 wait already" in caplog.text
    close(purger)
    assert purger.statistics()["fastly:one"]["sent"] == 11


def test_without_a_purge_there_is_no_thread(recorder: Recorder) -> None:
    purger = Purger([fastly(recorder.url)])
    purger.purge([])
    close(purger)
    assert recorder.received == []
    close(Purger([]))
    assert repr(Purger([])) == "<Purger to nobody>"
