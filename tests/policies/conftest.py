from tests.cache.conftest import clock

__all__ = ["clock"]
