"""What `stanchion db advise` asks of a server: the statements of its workers; a route of the control socket."""

from msgspec import convert

from stanchion.cluster.asking import ask_all
from stanchion.cluster.channel import Question
from stanchion.cluster.fleet import Fleet
from stanchion.data.statements.exported import Recall, Seen, merged
from stanchion.router import Router


def statement_routes(fleet: Fleet) -> Router:
    """The route /statements. Their texts may hold what an app has put into them, so it is for the server's owner."""
    router = Router()

    @router.get("/statements")
    async def statements() -> list[Seen]:
        answers = await ask_all(fleet, Question(Recall()))
        return merged(convert([seen for answer in answers.values() for seen in answer], list[Seen]))

    return router
