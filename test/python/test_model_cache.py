"""A model loads once a container: keys of arguments, what is shared, what is loaded anew, and what is told of it.

The packages in these bundles are stand-ins for torch and transformers, with their names and the functions that are
hooked; the real ones are used where they can be imported.
"""

import enum
import gc
import importlib.util
import os
import tempfile
import threading
import unittest
from collections import OrderedDict

from harness.runtime import Runtime

from velar_worker import sizes
from velar_worker.cache_keys import copies, file_bytes, key_of, leaves
from velar_worker.model_cache import ModelCache

FAKE_PACKAGES = {
    "torch/__init__.py": "from .serialization import load\nfrom . import nn\n\nclass version:\n    cuda = None\n",
    "torch/serialization.py": """
        import collections
        loads = 0

        class Tensor:
            _version = 0

        class OutOfMemoryError(RuntimeError):
            pass
        OutOfMemoryError.__module__ = "torch"

        def load(f, map_location=None):
            global loads
            loads += 1
            made = collections.OrderedDict(weight=Tensor(), bias=Tensor())
            made._metadata = {"version": 1}
            return made
        """,
    "torch/nn/__init__.py": "from .modules.module import Module\n",
    "torch/nn/modules/__init__.py": "",
    "torch/nn/modules/module.py": """
        class Place:
            device = "cpu"

        class Module:
            def __init__(self):
                self.place = Place()
                self.moves = 0
            def parameters(self):
                return [self.place]
            def buffers(self):
                return []
            def to(self, device=None, dtype=None):
                self.place.device = device
                return self
        """,
    "transformers/__init__.py": "from .models import *\nfrom .pipelines import pipeline\n",
    "transformers/models.py": """
        import threading
        import time
        from torch.serialization import OutOfMemoryError
        loads = []
        lock = threading.Lock()

        class Model:
            @classmethod
            def from_pretrained(cls, name, **kwargs):
                loads.append(name)
                if name == "slow":
                    time.sleep(0.3)
                if name == "broken":
                    raise OSError("no such model")
                if name == "large" and len(loads) < 3:
                    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.")
                made = cls()
                made.name = name
                return made

        class Adapter(Model):
            @classmethod
            def from_pretrained(cls, model, name):
                loads.append(name)
                made = cls()
                made.base = model
                return made

        class ModelConfig:
            @classmethod
            def from_pretrained(cls, name):
                return cls()
        """,
    "transformers/pipelines.py": """
        from .models import Model, loads

        class Pipeline:
            pass

        def pipeline(task, model=None, device=None):
            made = Pipeline()
            made.model = Model.from_pretrained(model) if isinstance(model, str) else model
            return made
        """,
}
APP = """
    import threading
    import time
    import velar

    app = velar.App("models")

    @app.function()
    def piped(name):
        from transformers import models, pipeline
        made = pipeline("text-generation", model=name)
        return [id(made), models.loads]

    @app.function(cache_models=False)
    def uncached(name):
        from transformers import models, pipeline
        pipeline("text-generation", model=name)
        return models.loads

    @app.function()
    def adapted():
        import transformers
        base = transformers.Model.from_pretrained("base")
        made = transformers.Adapter.from_pretrained(base, "adapter")
        stranger = transformers.Model()
        other = transformers.Adapter.from_pretrained(stranger, "adapter")
        return [id(base), id(made), id(other) == id(made), transformers.models.loads]

    @app.function()
    def configured():
        import transformers
        first = transformers.ModelConfig.from_pretrained("x")
        return first is transformers.ModelConfig.from_pretrained("x")

    @app.function()
    def failing():
        import transformers
        try:
            transformers.Model.from_pretrained("broken")
        except OSError:
            return transformers.models.loads

    @app.function()
    def together():
        import transformers
        made = []
        threads = [threading.Thread(target=lambda: made.append(transformers.Model.from_pretrained("slow"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [len(made), len(set(map(id, made))), transformers.models.loads]

    @app.function()
    def weights(path, change=None):
        import torch
        from torch import serialization
        state = torch.load(path)
        kept = sorted(state), state._metadata
        if change == "pop":
            state.pop("bias")
        if change == "write":
            state["weight"]._version += 1
        return [kept, serialization.loads]

    @app.function()
    def moved():
        import torch
        module = torch.nn.Module()
        module.to("cuda:0")
        started = time.perf_counter()
        module.to("cuda:0")
        return module.place.device

    @app.function()
    def tight(name):
        import transformers
        transformers.Model.from_pretrained(name)
        return transformers.models.loads
"""


class Colour(enum.Enum):
    RED = 1


class Keys(unittest.TestCase):
    def key(self, *args, **kwargs):
        return key_of(args, kwargs, lambda value: None)

    def test_equal_plain_arguments_have_equal_keys(self):
        given = [None, True, 1, 1.5, "text", b"bytes", Colour.RED, (1, [2, {"a": 3}])]
        self.assertEqual(self.key(*given, a=1, b=2), self.key(*given, b=2, a=1))
        self.assertEqual(len({self.key(value) for value in (1, True, 1.0, "1", b"1", None, [1], (1,))}), 8)

    def test_objects_of_other_kinds_have_none(self):
        for value in (object(), lambda: 1, {1, 2}, [object()], {"a": object()}, bytearray(b"x"), int):
            self.assertIsNone(self.key(value))
        deep = []
        for _ in range(20):
            deep = [deep]
        self.assertIsNone(self.key(deep))

    def test_an_object_that_was_loaded_counts_by_identity(self):
        first, second = object(), object()
        known = {id(first): 1, id(second): 2}
        keys = [key_of([value], {}, lambda v: known.get(id(v))) for value in (first, second, first)]
        self.assertEqual(keys[0], keys[2])
        self.assertNotEqual(keys[0], keys[1])

    def test_files_and_directories_count_by_what_they_hold(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sub", "weights.bin")
            os.mkdir(os.path.dirname(path))
            with open(path, "wb") as file:
                file.write(b"1234")
            self.assertEqual(file_bytes(path), 4)
            before = [self.key(path), self.key(folder)]
            self.assertEqual(before, [self.key(path), self.key(folder)])
            status = os.stat(path)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
            after = [self.key(path), self.key(folder)]
            self.assertNotEqual(before[0], after[0])
            self.assertNotEqual(before[1], after[1])

    def test_a_relative_path_is_another_in_another_directory(self):
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        found = []
        for _ in range(2):
            folder = tempfile.mkdtemp()
            with open(os.path.join(folder, "w.bin"), "wb") as file:
                file.write(b"1")
            os.utime(os.path.join(folder, "w.bin"), ns=(5, 5))
            os.chdir(folder)
            found.append(self.key("w.bin"))
        self.assertNotEqual(*found)

    def test_copies_share_leaves_and_keep_what_a_state_dict_carries(self):
        leaf = object()
        state = OrderedDict(a=leaf, b=[leaf, (leaf,)])
        state._metadata = "kept"
        made = copies(state)
        made.pop("a")
        made["b"].append(1)
        self.assertEqual((list(state), len(state["b"])), (["a", "b"], 2))
        self.assertEqual(made._metadata, "kept")
        self.assertIs(made["b"][0], leaf)
        self.assertEqual(leaves(state), [leaf] * 3)

    def test_sizes_read_as_in_the_rest_of_the_product(self):
        told = [sizes.text(count) for count in (812, 14_200, 142_000_000, 3_210_000_000)]
        self.assertEqual(told, ["812 B", "14.2 kB", "142 MB", "3.21 GB"])


class Cache(unittest.TestCase):
    def test_what_waits_for_a_load_that_fails_loads_by_itself(self):
        cache = ModelCache(set)
        begun, fail = threading.Event(), threading.Event()

        def failing():
            begun.set()
            fail.wait(10)
            raise OSError("broken")

        failed = []

        def first():
            try:
                cache.load("k", "m", False, failing)
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=first)
        thread.start()
        begun.wait(10)
        second = threading.Thread(target=lambda: failed.append(cache.load("k", "m", False, lambda: "loaded")))
        second.start()
        fail.set()
        thread.join(10)
        second.join(10)
        self.assertIn("loaded", failed)
        self.assertEqual(len(failed), 2)
        self.assertEqual(cache.find("k").value, "loaded")

    def test_what_calls_use_is_not_dropped(self):
        used = {"a"}
        cache = ModelCache(lambda: used)
        for key in "ab":
            cache.load(key, key, False, lambda: bytearray(1))
        self.assertEqual([held.name for held in cache.drop_unused()], ["b"])
        self.assertIsNotNone(cache.find("a"))
        self.assertIsNone(cache.find("b"))

    def test_a_load_takes_the_place_of_models_that_nobody_uses(self):
        cache = ModelCache(set)
        cache.load("a", "a", False, lambda: "old")

        def second():
            if cache.find("a"):
                raise MemoryError
            return "new"

        self.assertEqual(cache.load("b", "b", False, second), "new")
        self.assertEqual([held.name for held in cache.held], ["b"])
        with self.assertRaises(MemoryError):
            cache.load("c", "c", False, self.always)

    def always(self):
        raise MemoryError

    def test_the_memory_of_a_load_is_measured(self):
        cache = ModelCache(set)
        gc.collect()
        cache.load("a", "a", False, lambda: bytearray(os.urandom(1 << 20)) * 100)
        self.assertAlmostEqual(cache.held[0].host_bytes, 100 << 20, delta=10 << 20)
        self.assertEqual(str(cache.held[0]), "a (%s)" % sizes.text(cache.held[0].host_bytes))
        cache.load("b", "b", False, lambda: "small")
        self.assertEqual(str(cache.held[1]), "b (size unknown)")


class InARunner(unittest.TestCase):
    def setUp(self):
        self.runtime = Runtime().__enter__()
        self.addCleanup(self.runtime.__exit__)
        self.runtime.load({"app.py": APP, **FAKE_PACKAGES})

    def told(self, function, *args):
        """The value of a call, and what its phase model-load told: statuses and the last detail."""
        call = self.runtime.start_call(function, *args)
        answer = self.runtime.expect("result", "error")
        self.assertEqual(answer["type"], "result", answer)
        mine = [p for p in self.runtime.phases if p["phase"] == "model-load" and p["call"] == call]
        return answer.json()["value"], [p["status"] for p in mine], mine[-1].get("detail") if mine else None

    def test_a_pipeline_made_in_the_body_is_loaded_once(self):
        (first, _), statuses, _ = self.told("piped", "gpt2")
        self.assertEqual((statuses[0], statuses[-1]), ("started", "done"))
        (second, loads), statuses, detail = self.told("piped", "gpt2")
        self.assertEqual(first, second)
        self.assertEqual(loads, ["gpt2"])
        self.assertEqual(statuses, ["skipped"])
        self.assertRegex(detail, r"^already in memory: gpt2 \(.+\)$")
        (other, loads), statuses, _ = self.told("piped", "gpt2-xl")
        self.assertNotEqual(first, other)
        self.assertEqual((loads, statuses[-1]), (["gpt2", "gpt2-xl"], "done"))

    def test_a_function_may_ask_for_a_fresh_one(self):
        self.told("piped", "gpt2")
        self.told("uncached", "gpt2")
        loads, statuses, _ = self.told("uncached", "gpt2")
        self.assertEqual((len(loads), statuses[-1]), (3, "done"))

    def test_a_loaded_model_as_an_argument_is_told_from_others(self):
        first, _, _ = self.told("adapted")
        second, statuses, detail = self.told("adapted")
        self.assertEqual(first[:2], second[:2])
        self.assertFalse(second[2])
        self.assertEqual(second[3], ["base", "adapter", "adapter", "adapter"])
        self.assertEqual(statuses[-1], "done")

    def test_configurations_are_not_shared(self):
        self.assertFalse(self.told("configured")[0])

    def test_a_load_that_raises_is_tried_again(self):
        self.told("failing")
        self.assertEqual(self.told("failing")[0], ["broken", "broken"])

    def test_threads_that_load_the_same_wait_for_one_load(self):
        self.assertEqual(self.told("together")[0], [4, 1, ["slow"]])

    def test_weights_are_shared_but_not_what_holds_them(self):
        path = os.path.join(self.runtime.folder, "w.pt")
        with open(path, "wb") as file:
            file.truncate(2 << 20)
        for _ in range(3):
            self.assertEqual(self.told("weights", path, "pop")[0], [[["bias", "weight"], {"version": 1}], 1])
        self.assertEqual(self.told("weights", path, "write")[0], [[["bias", "weight"], {"version": 1}], 1])
        value, statuses, _ = self.told("weights", path)
        self.assertEqual((value[1], statuses[-1]), (2, "done"), "changed tensors are read anew")
        with open(path, "ab") as file:
            file.write(b"more")
        self.assertEqual(self.told("weights", path)[0][1], 3, "a changed file is read anew")
        self.assertEqual(self.told("weights", path)[0][1], 3)

    def test_small_files_are_read_each_time(self):
        path = os.path.join(self.runtime.folder, "w.pt")
        with open(path, "wb") as file:
            file.truncate(1000)
        self.told("weights", path)
        self.assertEqual(self.told("weights", path)[0][1], 2)

    def test_a_move_to_where_the_module_is_counts_as_nothing(self):
        self.told("moved")
        details = [p.get("detail") for p in self.runtime.phases if p["phase"] == "model-load"]
        self.assertEqual([detail for detail in details if detail], ["Module (to cuda:0)"])

    def test_a_full_gpu_makes_room_before_a_load_fails(self):
        self.told("tight", "small")
        loads, statuses, _ = self.told("tight", "large")
        self.assertEqual((loads, statuses[-1]), (["small", "large", "large"], "done"))
        loads, statuses, _ = self.told("tight", "small")
        self.assertEqual((loads[-1], len(loads)), ("small", 4), "the unused model made room")


@unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed here; stand-ins were used above")
class RealTorch(unittest.TestCase):
    APP = """
        import os
        import time
        import torch
        import velar
        app = velar.App("t")

        class Net(torch.nn.Module):
            def __init__(self, size, layers):
                super().__init__()
                self.layers = torch.nn.ModuleList(torch.nn.Linear(size, size) for _ in range(layers))

            def forward(self, x):
                for layer in self.layers:
                    x = layer(x)
                return x

        @app.function()
        def save():
            torch.save(Net(1024, 50), "net.pt")
            return os.path.getsize("net.pt")

        @app.function()
        def infer():
            net = torch.load("net.pt", weights_only=False)
            started = time.perf_counter()
            with torch.no_grad():
                value = float(net(torch.ones(1, 1024)).sum())
            return [value, (time.perf_counter() - started) * 1000]

        @app.function()
        def double():
            net = torch.load("net.pt", weights_only=False)
            weights = net.state_dict()
            torch.save(weights, "weights.pt")
            loaded = torch.load("weights.pt")
            before = float(loaded["layers.0.bias"].sum())
            loaded["layers.0.bias"] += 1
            return [before, float(torch.load("weights.pt")["layers.0.bias"].sum())]
        """

    def test_a_model_of_200_mb_that_the_body_loads_is_there_in_the_second_call(self):
        with Runtime() as runtime:
            runtime.sock.settimeout(120)
            runtime.load({"app.py": self.APP})
            self.assertGreater(runtime.value("save"), 200_000_000)
            first = runtime.call("infer")
            second = runtime.call("infer")
            self.assertEqual(first.json()["value"][0], second.json()["value"][0])
            own = second.json()["value"][1]
            self.assertLess(second["ms"] + second["modelLoadMs"], first["modelLoadMs"] / 10 + own)
            skipped = [p for p in runtime.phases if p["status"] == "skipped"]
            self.assertRegex(skipped[-1]["detail"], r"^already in memory: net.pt \(2\d\d MB\)$")
            print("first model load %.1f ms, second call %.1f ms" % (first["modelLoadMs"], second["ms"]))
            before, after = runtime.value("double")
            self.assertEqual(before, after)


@unittest.skipUnless(importlib.util.find_spec("transformers"), "transformers is not installed here")
class RealTransformers(unittest.TestCase):
    def test_models_and_pipelines_are_loaded_once(self):
        app = """
            import velar
            app = velar.App("t")

            @app.function()
            def save():
                from tokenizers import Tokenizer, models
                from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
                words = Tokenizer(models.WordLevel({"hi": 0, "ho": 1, "?": 2}, unk_token="?"))
                PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?").save_pretrained("tiny")
                config = GPT2Config(n_layer=2, n_head=1, n_embd=64, vocab_size=2000)
                GPT2LMHeadModel(config).save_pretrained("tiny")

            @app.function()
            def load():
                from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
                model = AutoModelForCausalLM.from_pretrained("tiny")
                words = AutoTokenizer.from_pretrained("tiny")
                made = pipeline("text-generation", model=model, tokenizer=words)
                named = pipeline("text-generation", model="./tiny")
                text = named("hi ho", max_new_tokens=1, do_sample=False)[0]["generated_text"]
                return [id(model), id(words), id(made), id(named), text[:5]]
            """
        with Runtime() as runtime:
            runtime.sock.settimeout(120)
            runtime.load({"app.py": app})
            answer = runtime.call("save")
            self.assertEqual(answer["type"], "result", answer)
            first, second = runtime.call("load"), runtime.call("load")
            self.assertEqual(first["type"], "result", first)
            self.assertEqual(first.json()["value"], second.json()["value"])
            self.assertEqual(second["modelLoadMs"], 0)
            self.assertLess(second["ms"] + second["modelLoadMs"], first["modelLoadMs"])


if __name__ == "__main__":
    unittest.main()
