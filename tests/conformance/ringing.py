"""Steps that the plays about calls share: to ring, to talk, and what both accounts then have on record."""

from typing import Any

from .client import Device
from .contract import Frame
from .people import Person


async def ring(caller: Person, callee: Person, **fields: Any) -> str:
    """A call that rings on the callee's phone. Returns its id."""
    call = await caller.phone.ask("call_request", to=callee.uid, media=["audio"], **fields)
    call_id: str = call["call_id"]
    await callee.phone.push("incoming_call", call_id=call_id)
    return call_id


async def talk(caller: Person, callee: Person) -> str:
    """A call that the callee's phone has accepted. Returns its id."""
    call_id = await ring(caller, callee)
    await callee.phone.ask("call_accept", call_id=call_id)
    await caller.phone.push("call_accepted", call_id=call_id)
    return call_id


async def ended(device: Device, call_id: str) -> str:
    """The reason with which a call ended for a device."""
    reason: str = (await device.push("call_ended", call_id=call_id))["reason"]
    return reason


async def recorded(person: Person, call_id: str, peer: Person) -> Frame:
    """The durable record of a call, which history must show as well."""
    event = await person.phone.event("call", call_id=call_id)
    assert event["peer"] == peer.uid
    items = (await person.phone.ask("history", peer=peer.uid))["items"]
    (item,) = [item for item in items if item.get("call_id") == call_id]
    same = ("call_id", "direction", "outcome", "started_at", "duration_ms")
    assert {key: item[key] for key in same} == {key: event[key] for key in same}
    return event


async def outcomes(call_id: str, caller: Person, callee: Person) -> tuple[str, str]:
    """The outcome on the record of the caller and on that of the callee, whose directions must differ."""
    hers, his = await recorded(caller, call_id, callee), await recorded(callee, call_id, caller)
    assert hers["direction"] != his["direction"]
    return hers["outcome"], his["outcome"]
