"""Person -> every row that is held of the person; and the same tables without them, each count as it was.

A table that is counted from (bronze, silver, what a view makes of them) keeps its rows: each is copied under
other ids, without what describes the person, and the original is deleted. The copy is attached as a whole
partition, so that no view counts it again. Any other table loses its rows. A run that is cut off between the
two is finished by the next, under the same new ids: what has its copy is not copied again.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.binding import format_query_value
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.catalogue import Catalogue, Table, load
from app.adapters.clickhouse.codes import ask, brief, describe
from app.adapters.clickhouse.repair import FILLING, staged
from app.core.erasures import message_key, told_key
from app.core.persons import ERASED, MEASURED, REPLACED, WIPED
from app.errors import ErasureError, QueryError, ReconcileError
from app.events.persons import HeldRows, Person
from app.events.vocabulary import ReservedName

#: Blocks whose rows of a person are moved at once: their names travel in the address of a request.
BLOCKS_AT_ONCE = 500
DELETING = {"mutations_sync": 2}
#: Refused events are counted by their receipt (received_silver); these rows carry whole payloads and go.
LETTERS = "rejected_events_bronze"

_COLUMNS_SQL = """
SELECT c.table, groupArray(c.name) FROM system.columns AS c
WHERE c.database = {database:String} AND c.table IN (
    SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'
)
GROUP BY c.table HAVING has(groupArray(c.name), 'site_id') ORDER BY c.table
"""
_USERS_SQL = "SELECT user_id FROM {at}.person_users(site = {{site:String}}, person = {{user:String}})"
_VISITORS_SQL = (
    "SELECT visitor_id FROM {at}.visitors_of_user(site = {{site:String}}, users = {{users:Array(String)}})"
)
#: Gold of what such events say names user ids alone: whose it is, only the users' own erasure finds.
_JOINED_SQL = """
SELECT any(user_id) FROM {at}.user_behavior_silver
WHERE site_id = {{site:String}} AND visitor_id IN {{visitors:Array(String)}} AND name = '$alias'
"""
#: Which rows of ``erasures_under_way`` are of a person.
NOTED = "person IN {digests:Array(String)}"
#: What the web processes make of silver goes after silver, for they may make it meanwhile. Who is whom goes
#: last: a run that was cut off before that finds the same person again.
LAST = ("page_sequences", "visitor_aliases", "user_aliases")
_MERGED = re.compile(r"SimpleAggregateFunction\((?P<function>\w+),")
#: A payload that could not be read names nobody in columns: its text is looked through. Whose it is, only its
#: members tell: an id may be any word.
_IN_LETTER = r"""
(visitor_id IN {visitors:Array(String)} AND site_id = {site:String}) OR (site_id IN ({site:String}, '') AND (
    hasAny(extractAll(payload, '"visitor_id"\\s*:\\s*"([^"]*)"'), {visitors:Array(String)})
    OR hasAny(extractAll(payload, '"(?:user_id|previous_id)"\\s*:\\s*"([^"]*)"'), {users:Array(String)})
    OR arrayExists(key -> startsWith(detail, key), {keys:Array(String)})))
"""


class PersonRows:
    """The tables of one database; every method raises ErasureError when ClickHouse refuses."""

    def __init__(self, client: Client, *, database: str) -> None:
        self._client = client
        self._database = database
        self._under_way = f"{database}.erasures_under_way"
        self._log = log.get("persons")
        try:
            self._catalogue: Catalogue = load(client, database=database)
        except ReconcileError as error:
            raise ErasureError(str(error)) from error
        except ClickHouseError as error:
            raise _refused(error, at=database) from error

    def person(self, site_id: str, *, visitor: str = "", user: str = "") -> Person:
        """Who is meant by a visitor id: that id alone; or by a user id: every id that is the user's."""
        if visitor:
            return Person(site_id=site_id, visitors=(visitor,))
        users = self._ids(_USERS_SQL, {"site": site_id, "user": user}, at="person_users")
        if user not in users:  # a visitor id, which would stand for the user that it was known as
            users = (user,)
        visitors = self._ids(_VISITORS_SQL, {"site": site_id, "users": list(users)}, at="visitors_of_user")
        return Person(site_id=site_id, visitors=visitors, users=users)

    def held(self, person: Person) -> list[HeldRows]:
        """How many rows each table holds of the person; every table that may is named."""
        bound = _bound(person)
        found = []
        for name, where in self._places(person).items():
            at = f"{self._database}.{name}"
            ((rows,),) = self._ask(f"SELECT count() FROM {at} WHERE {where}", bound, at=at)
            query = f"SELECT count() FROM {at} WHERE {_filled(where, bound)}"
            found.append(HeldRows(table=name, rows=rows, query=query))
        return found

    def rows(self, person: Person) -> dict[str, list[dict[str, Any]]]:
        """The rows that each table holds of the person, as they stand there.

        Dead letters that name no site are left out: another site's visitor may have the same id.
        """
        found = {}
        for name, where in self._places(person).items():
            sql = f"SELECT * FROM {self._database}.{name} WHERE ({where}) AND site_id = {{site:String}}"
            try:
                answer = self._client.query(sql, parameters=_bound(person))
            except ClickHouseError as error:
                raise _refused(error, at=name) from error
            found[name] = list(answer.named_results())
        return found

    def erase(self, person: Person) -> None:
        """Remove the person from every table; returns when the rows are gone from the parts that are read.

        One run at a time: two would each make a copy.
        """
        digests = _digests(person)
        try:
            # What was begun of some of the ids is finished first: its copies are known by its own salt alone.
            (salt, noted), *others = self._begun(digests) or [(secrets.token_hex(32), [])]
            for other, of in others:
                self._clear(_those(person, of), salt=other)
            self._note([digest for digest in digests if digest not in noted], salt=salt)
            self._clear(person, salt=salt)
            for name in self._places(person):
                # The engine keeps the text of the last deletion, whatever it is: let it be one without ids.
                self._delete(f"{self._database}.{name}", "0", bound={})
            # Sketches know the ids that were; those of the others are made anew of the rows as they are.
            self._delete(f"{self._database}.visitor_spans", "site_id = {site:String}", bound=_bound(person))
            self._delete(self._under_way, NOTED, bound={"digests": digests})
        except ClickHouseError as error:
            raise _refused(error, at=self._database) from error
        self._log.info("person.erased", site_id=person.site_id, visitors=len(person.visitors))

    def erasable(self, person: Person) -> Person:
        """The person; raises QueryError for a visitor who joined user ids: those have to go together."""
        if person.users:
            return person
        sql = _JOINED_SQL.format(at=self._database)
        ((user,),) = self._ask(sql, _bound(person), at="user_behavior_silver")
        if user:
            raise QueryError(
                f"visitor {person.visitors[0]} of {person.site_id} has joined user ids by $alias, one of "
                f"them {user}: ask for that user instead, with every device"
            )
        return person

    def _begun(self, digests: Sequence[str]) -> list[tuple[str, list[str]]]:
        """The salts of runs over any of these ids that were cut off, the oldest first, with the digests."""
        rows = self._client.query(
            f"SELECT salt, groupArray(person) FROM {self._under_way} WHERE {NOTED} "
            "GROUP BY salt ORDER BY min(began_at), salt",
            parameters={"digests": digests},
        ).result_rows
        return [(salt, list(noted)) for salt, noted in rows]

    def _note(self, digests: Sequence[str], *, salt: str) -> None:
        noted = "arrayJoin({digests:Array(String)}), {salt:String}, now()"
        self._client.command(
            f"INSERT INTO {self._under_way} SELECT {noted}",
            parameters={"digests": digests, "salt": salt},
            settings=FILLING,
        )

    def _clear(self, person: Person, *, salt: str) -> None:
        bound = {**_bound(person), "salt": salt}
        for name, where in self._places(person).items():
            table = self._catalogue.tables.get(name)
            if table is None or name == LETTERS:
                self._delete(f"{self._database}.{name}", where, bound=bound)
            else:
                self._move(table, where, bound=bound)

    def _places(self, person: Person) -> dict[str, str]:
        """Table -> which of its rows are the person's. Also what killed runs of other work left behind."""
        rows = self._ask(_COLUMNS_SQL, {"database": self._database}, at="system.columns")
        places = {name: _IN_LETTER if name == LETTERS else _theirs(columns, person) for name, columns in rows}
        held = {name: " ".join(where.split()) for name, where in places.items() if where}
        return dict(sorted(held.items(), key=lambda item: LAST.index(item[0]) if item[0] in LAST else -1))

    def _move(self, table: Table, where: str, *, bound: Mapping[str, Any]) -> None:
        if "_batch_id" not in table.columns:
            self._move_rows(table, where, bound=bound)
            return
        # Of these blocks alone: what the visitor sends meanwhile would be deleted without its copy.
        of_blocks = f"({where}) AND _batch_id IN {{blocks:Array(UUID)}}"
        sql = f"SELECT DISTINCT toString(_batch_id) FROM {table.at} WHERE {where}"
        blocks = [block for (block,) in self._client.query(sql, parameters=dict(bound)).result_rows]
        for start in range(0, len(blocks), BLOCKS_AT_ONCE):
            some = blocks[start : start + BLOCKS_AT_ONCE]
            self._move_rows(table, of_blocks, bound={**bound, "blocks": some})

    def _move_rows(self, table: Table, where: str, *, bound: Mapping[str, Any]) -> None:
        columns = ", ".join(f"{_erased(name, table.columns)} AS {name}" for name in table.columns)
        # TRICKY: WHERE beside these would see the new ids, for they have the names of the columns.
        copies = f"SELECT {columns} FROM (SELECT * FROM {table.at} WHERE {where})"
        known = ", ".join(name for name in table.columns if name not in WIPED)
        mine = "visitor_id" if "visitor_id" in table.columns else "user_id"
        ours = f"site_id = {{site:String}} AND startsWith({mine}, '{ERASED}')"
        if "blocks" in bound:
            ours = f"{ours} AND _batch_id IN {{blocks:Array(UUID)}}"
        there = f"SELECT * FROM {table.at} WHERE {ours}"
        if "blocks" not in bound:  # rows that add up: the engine may have merged some of them since
            copies, there = _summed(table, copies), _summed(table, there)
        select = f"SELECT * FROM ({copies}) WHERE ({known}) NOT IN (SELECT {known} FROM ({there}))"
        with staged(self._client, table, select, name=f"erase_{uuid.uuid4().hex}", bound=bound) as stage:
            parts = self._client.query(f"SELECT DISTINCT _partition_id FROM {stage}").result_rows
            for (partition,) in parts:
                self._client.command(f"ALTER TABLE {table.at} ATTACH PARTITION ID '{partition}' FROM {stage}")
        self._delete(table.at, where, bound=bound)

    def _delete(self, at: str, where: str, *, bound: Mapping[str, Any]) -> None:
        used = {name: value for name, value in bound.items() if f"{{{name}:" in where}
        self._client.command(f"ALTER TABLE {at} DELETE WHERE {where}", parameters=used, settings=DELETING)

    def _ids(self, sql: str, bound: Mapping[str, Any], *, at: str) -> tuple[str, ...]:
        return tuple(found for (found,) in self._ask(sql.format(at=self._database), bound, at=at))

    def _ask(self, sql: str, bound: Mapping[str, Any], *, at: str) -> Sequence[Any]:
        return ask(self._client, sql, bound, at=at, refuse=_refused)


def _bound(person: Person) -> dict[str, Any]:
    keys = [told_key(message_key(person.site_id, visitor)) for visitor in person.visitors]
    return {
        "site": person.site_id,
        "visitors": list(person.visitors),
        "users": list(person.users),
        "keys": keys,
    }


def _digests(person: Person) -> list[str]:
    """Of each id: whichever is asked for next, what was begun is found."""
    visitors = [_digest(person.site_id, "visitor", visitor) for visitor in person.visitors]
    return [*visitors, *(_digest(person.site_id, "user", user) for user in person.users)]


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _those(person: Person, digests: Sequence[str]) -> Person:
    """The person with those ids alone that have these digests."""
    site_id = person.site_id
    return Person(
        site_id=site_id,
        visitors=tuple(one for one in person.visitors if _digest(site_id, "visitor", one) in digests),
        users=tuple(one for one in person.users if _digest(site_id, "user", one) in digests),
    )


def _theirs(columns: Iterable[str], person: Person) -> str:
    """Which rows of a table with these columns are the person's; empty where none can be."""
    known = set(columns)
    ids = [("visitor_id", "visitors", person.visitors)]
    ids += [(name, "users", person.users) for name in ("user_id", "previous_id")]
    either = [f"{name} IN {{{of}:Array(String)}}" for name, of, some in ids if name in known and some]
    if "visitor_hash" in known and "visitor_id" not in known and person.visitors:
        either.append("has(arrayMap(one -> cityHash64(one), {visitors:Array(String)}), visitor_hash)")
    return f"site_id = {{site:String}} AND ({' OR '.join(either)})" if either else ""


def _erased(name: str, columns: Mapping[str, str]) -> str:
    """The expression that a column becomes, of those of its table with their types."""
    kind = columns[name]
    if name in WIPED:
        wiped = f"defaultValueOfTypeName('{kind}')"
        is_told = name == "properties" and "name" in columns
        return f"if(name = '{ReservedName.WEB_VITALS}', {_measured()}, {wiped})" if is_told else wiped
    if name not in REPLACED:
        return name
    if kind == "UUID":
        return _other_uuid(name)
    other = _other_uuid(f"toUUID({name})") if name == "merged_into" else _other_id(name)
    return f"if({name} = '', '', toString({other}))"


def _measured() -> str:
    """SQL: the properties that gold is made of, as JSON."""
    kept = ", ".join(
        f"if(JSONHas(properties, '{key}'), concat('\"{key}\":', JSONExtractRaw(properties, '{key}')), '')"
        for key in MEASURED
    )
    return f"concat('{{', arrayStringConcat(arrayFilter(one -> one != '', [{kept}]), ','), '}}')"


def _other_id(name: str) -> str:
    digest = f"SHA256(concat({{salt:String}}, '{name}', {name}))"
    return f"concat('{ERASED}', lower(hex(substring({digest}, 1, 16))))"


def _other_uuid(expression: str) -> str:
    digest = f"SHA256(concat({{salt:String}}, toString({expression})))"
    return f"reinterpretAsUUID(substring({digest}, 1, 16))"


def _summed(table: Table, rows: str) -> str:
    """The rows as one for each key, as the engine merges them."""
    figures = [
        f"{merged['function']}({name}) AS {name}" if (merged := _MERGED.match(kind)) else name
        for name, kind in table.columns.items()
    ]
    return f"SELECT {', '.join(figures)} FROM ({rows}) GROUP BY {', '.join(table.keys)}"


def _filled(where: str, bound: Mapping[str, Any]) -> str:
    """The condition with its values in it, as ``wua sql`` takes it."""
    for name, value in bound.items():
        kind = "String" if isinstance(value, str) else "Array(String)"
        where = where.replace(f"{{{name}:{kind}}}", str(format_query_value(value)))
    return where


def _refused(error: ClickHouseError, *, at: str) -> ErasureError:
    code: int | None = getattr(error, "code", None)
    said = f"ClickHouse error {describe(code)}: " if code is not None else ""
    return ErasureError(
        f"{at}: {said}{brief(str(error))}. Check clickhouse.url and that its user may ALTER, CREATE and DROP "
        "tables; then run it again, what was done stays done"
    )
