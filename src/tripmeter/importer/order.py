"""What the user asks for: the parameters of `tripmeter import`, with their help."""

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators


@dataclass(frozen=True)
class Order:
    """One import as the command line states it. Columns are names of the file's own."""

    file: Annotated[Path, Parameter(help="A .csv with a header, or a .ndjson; UTF-8.")]
    _: KW_ONLY
    meter: Annotated[str, Parameter(help="Event name of the meter.")]
    customer: Annotated[
        str,
        Parameter(
            help="Column with the customer's id; or row%N, which deals the rows to N customers in "
            "turn: row k, from 0, goes to `<file stem>_<k modulo N>`, odd characters as _."
        ),
    ]
    timestamp: Annotated[
        str,
        Parameter(
            help="Column with the time: RFC 3339; YYYY-MM-DD HH:MM:SS[.fraction], which is UTC "
            "unless it has an offset; or Unix time, in ms if it is above 10^11, else in seconds."
        ),
    ]
    value: Annotated[
        str | None,
        Parameter(help="Column with the value, or a sum such as A+B; none if the meter counts."),
    ] = None
    dimension: Annotated[
        tuple[str, ...],
        Parameter(
            help="COL or KEY=COL: send this column along. Can be repeated.",
            show_default=False,
            negative="",
        ),
    ] = ()
    rebase: Annotated[
        Literal["now"] | None,
        Parameter(help="Shift all times alike, so that the newest row happens now."),
    ] = None
    url: Annotated[str, Parameter(help="Where the engine is.")] = "http://127.0.0.1:4010"
    api_key: Annotated[
        str | None,
        Parameter(help="The account's key.", env_var=["TRIPMETER_API_KEY", "STRIPE_API_KEY"]),
    ] = None
    batch: Annotated[
        int, Parameter(help="Rows per request.", validator=validators.Number(gte=1, lte=100_000))
    ] = 5000
    create_customers: Annotated[bool, Parameter(help="Create customers that do not exist.")] = True
    restart: Annotated[
        bool,
        Parameter(
            help="Forget how far earlier runs have come, and send every row again. The engine "
            "knows rows that it counted in the last 24 hours; OLDER ONES COUNT TWICE.",
            negative="",
        ),
    ] = False
    refused: Annotated[
        Path | None, Parameter(help="Write refused rows to this .ndjson, with the reasons.")
    ] = None
