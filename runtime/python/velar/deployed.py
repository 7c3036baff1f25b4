"""Handles of functions that are deployed: called by name, without their code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Optional, Tuple

from . import _check
from ._handle import Handle
from ._remote import Target
from .exception import NotSupported
from .resources import check_name

if TYPE_CHECKING:
    _Base = Handle[..., Any]
else:
    _Base = Handle


class DeployedFunction(_Base):
    """A function as an environment serves it. :meth:`velar.Function.from_name` makes one.

    It works in a local entrypoint and inside of other functions. A call goes to the version that the environment
    serves when the call begins; a ``.map`` stays with the version that it began with. A deploy, promotion or
    rollback in between holds for the next call. Of a class, the object is made from its constructor's defaults.

    Its time in containers counts for its own app and function, and so for that app's budget, as calls of its endpoint
    do; what it costs is also part of the cost of the run that calls it. What it prints is in that run's log.

    Calls raise what those of :class:`velar.Function` do, and :class:`velar.exception.NotFound` where the app, the
    function or the environment serves nothing of that name, :class:`velar.exception.Refused` where code that is
    deployed to staging names production, and ``TypeError`` for ``.remote`` of a generator and ``.remote_gen`` of
    anything else.
    """

    def __init__(self, app: str, name: str, environment: Optional[str] = None) -> None:
        check_name("App name", app)
        _check.text("Function name", name)
        if environment is not None:
            _check.environment(environment)
        super().__init__(Target(app, name, deployed={"environment": environment}))
        self.environment: Optional[str] = environment

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises :class:`velar.exception.NotSupported`: its code is not in this process."""
        self.local()

    def local(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises :class:`velar.exception.NotSupported`: its code is not in this process."""
        raise NotSupported(
            "%s of app %s is deployed, and its code is not in this process. Call it there with .remote(...), or "
            "import the file that declares it." % (self.qualname, self.app_name)
        )

    def __reduce__(self) -> Tuple[Any, ...]:
        return (DeployedFunction, (self.app_name, self.qualname, self.environment))

    def __repr__(self) -> str:
        where = "" if self.environment is None else " in %s" % self.environment
        return "<velar function %s of app %s as deployed%s>" % (self.qualname, self.app_name, where)
