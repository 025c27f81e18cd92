"""What `benchmarks.scaling` puts under load."""

from stanchion import App

app = App("cluster")


@app.get("/compute")
async def compute() -> dict[str, int]:
    """About 2 ms of a core."""
    total = 0
    for number in range(40_000):
        total += number * number % 7
    return {"total": total}
