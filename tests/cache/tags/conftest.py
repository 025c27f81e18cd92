from tests.limits.conftest import fault_proxy, redis_server, shared_redis

__all__ = ["fault_proxy", "redis_server", "shared_redis"]
