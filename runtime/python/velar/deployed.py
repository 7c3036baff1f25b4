"""Handles of functions and classes that are deployed: called by name, without their code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, NoReturn, Optional, Tuple

from . import _check
from ._handle import Handle
from ._remote import Input, Target
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
    rollback in between holds for the next call. Of a class, the object is made from its constructor's defaults;
    :meth:`velar.Cls.from_name` takes arguments for it.

    Its time in containers counts for its own app and function, and so for that app's budget, as calls of its endpoint
    do; what it costs is also part of the cost of the run that calls it. What it prints is in that run's log.

    Calls raise what those of :class:`velar.Function` do, and :class:`velar.exception.NotFound` where the app, the
    function or the environment serves nothing of that name, :class:`velar.exception.Refused` where code that is
    deployed to staging names production, and ``TypeError`` for ``.remote`` of a generator and ``.remote_gen`` of
    anything else.
    """

    def __init__(
        self, app: str, name: str, environment: Optional[str] = None, constructor: Optional[Input] = None
    ) -> None:
        _check_names(app, "Function", name, environment)
        super().__init__(Target(app, name, constructor, {"environment": environment}))
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
        return (DeployedFunction, (self.app_name, self.qualname, self.environment, self._target.constructor))

    def __repr__(self) -> str:
        where = "" if self.environment is None else " in %s" % self.environment
        return "<velar function %s of app %s as deployed%s>" % (self.qualname, self.app_name, where)


class DeployedClass:
    """A class as an environment serves it. :meth:`velar.Cls.from_name` makes one; calling it gives an object.

    ``app_name``, ``qualname``: names of the app and of the class in its file. ``environment``: as given.
    """

    def __init__(self, app: str, name: str, environment: Optional[str] = None) -> None:
        _check_names(app, "Class", name, environment)
        self.app_name: str = app
        self.qualname: str = name
        self.environment: Optional[str] = environment

    def __call__(self, *args: Any, **kwargs: Any) -> "DeployedObject":
        """An object made from these arguments, in the containers that its methods are called in.

        Nothing is made or checked yet: a call raises ``TypeError`` where the constructor does not take them.
        """
        return DeployedObject(self, args, kwargs)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (DeployedClass, (self.app_name, self.qualname, self.environment))

    def __repr__(self) -> str:
        where = "" if self.environment is None else " in %s" % self.environment
        return "<velar class %s of app %s as deployed%s>" % (self.qualname, self.app_name, where)


class DeployedObject:
    """Stands for an object of a deployed class. Each attribute is a method's :class:`velar.DeployedFunction`."""

    def __init__(self, cls: DeployedClass, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        self._cls = cls
        self._args = args
        self._kwargs = kwargs

    def __getattr__(self, name: str) -> DeployedFunction:
        # Asked for by pickle, copy and the like, before there are fields or where there is no such thing.
        if name.startswith("__") or name in ("_cls", "_args", "_kwargs"):
            raise AttributeError(name)
        cls = self._cls
        method = "%s.%s" % (cls.qualname, name)
        return DeployedFunction(cls.app_name, method, cls.environment, (self._args, self._kwargs))

    def __reduce__(self) -> Tuple[Any, ...]:
        return (DeployedObject, (self._cls, self._args, self._kwargs))

    def __repr__(self) -> str:
        return "<velar object of %s as deployed>" % self._cls.qualname


def _check_names(app: str, what: str, name: str, environment: Optional[str]) -> None:
    check_name("App name", app)
    _check.text("%s name" % what, name)
    if environment is not None:
        _check.environment(environment)
