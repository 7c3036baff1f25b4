"""Model loads that are recognised by themselves, their time, and memory samples.

The packages in these bundles are stand-ins for torch, safetensors and transformers, with their names and the
functions that are hooked, and named as such here; the real torch is used where it can be imported.
"""

import importlib.util
import time
import unittest

from harness.runtime import Runtime

FAKE_PACKAGES = {
    # How long each nap took: a busy machine lets them oversleep.
    "naps.py": """
        import time

        took = {"load": 0.0, "run": 0.0}

        def sleep(what, seconds):
            began = time.perf_counter()
            time.sleep(seconds)
            took[what] += (time.perf_counter() - began) * 1000
        """,
    "torch/__init__.py": """
        import naps
        from .serialization import load
        from . import nn

        class version:
            cuda = None
        """,
    "torch/serialization.py": """
        import naps

        def load(f, map_location=None):
            naps.sleep("load", 0.2)
            return {"weights": 1}
        """,
    "torch/nn/__init__.py": "from .modules.module import Module\n",
    "torch/nn/modules/__init__.py": "",
    "torch/nn/modules/module.py": """
        import naps

        class Module:
            def to(self, device=None, dtype=None):
                naps.sleep("load", 0.05)
                return self

            def cuda(self, device=None):
                naps.sleep("load", 0.05)
                return self
        """,
    "safetensors/__init__.py": """
        import naps

        class safe_open:
            def __init__(self, filename, framework):
                pass
            def __enter__(self):
                return self
            def __exit__(self, *error):
                pass
            def get_tensor(self, name):
                naps.sleep("load", 0.05)
                return name
        """,
    "safetensors/torch.py": """
        import naps

        def load_file(filename, device="cpu"):
            naps.sleep("load", 0.1)
            return {}
        """,
    "transformers/__init__.py": """
        def __getattr__(name):
            if name == "pipeline":
                from .pipelines import pipeline
                return pipeline
            if name == "AutoModel":
                from .models import AutoModel
                return AutoModel
            raise AttributeError(name)
        """,
    "transformers/models.py": """
        import naps
        from safetensors.torch import load_file

        class AutoModel:
            @classmethod
            def from_pretrained(cls, name, **kwargs):
                load_file("weights.safetensors")
                naps.sleep("load", 0.1)
                return cls()
        """,
    "transformers/pipelines.py": """
        from .models import AutoModel

        def pipeline(task, model=None):
            AutoModel.from_pretrained(model)
            return lambda text: text
        """,
}
APP = """
    import naps
    import velar

    app = velar.App("models")

    @app.function()
    def in_body():
        import torch
        torch.load("/models/weights.pt")
        naps.sleep("run", 0.3)
        return "ran"

    @app.function()
    def piped():
        from transformers import pipeline
        return pipeline("text-generation", model="gpt2")("hi")

    @app.function()
    def pretrained():
        import transformers
        transformers.AutoModel.from_pretrained("org/model")

    @app.function()
    def moves():
        import torch
        module = torch.nn.Module()
        module.to("cpu")
        module.to(dtype="float16")
        naps.took["load"] = 0
        module.to("cuda:0")
        module.cuda()

    @app.function()
    def opened():
        from safetensors import safe_open
        with safe_open("a/model.safetensors", framework="pt") as file:
            file.get_tensor("x")
            file.get_tensor("y")
        counted = naps.took["load"]
        unentered = safe_open("b.safetensors", framework="pt")
        unentered.get_tensor("x")
        unentered.__exit__(None, None, None)
        naps.took["load"] = counted

    @app.function()
    def named():
        with velar.phase("warm the cache"):
            naps.sleep("load", 0.1)

    @app.function()
    def nothing():
        return None

    @app.function()
    def taken():
        return naps.took

    @app.cls()
    class Model:
        @velar.enter()
        def load(self):
            from transformers import pipeline
            self.pipe = pipeline("text-generation", model="gpt2")
            naps.sleep("load", 0.1)

        @velar.method()
        def ask(self, text):
            naps.sleep("run", 0.1)
            return self.pipe(text)
"""


class ModelLoads(unittest.TestCase):
    def setUp(self):
        self.runtime = Runtime().__enter__()
        self.addCleanup(self.runtime.__exit__)
        self.runtime.load({"app.py": APP, **FAKE_PACKAGES})

    def loads(self, function, *args, **more):
        """Answer, and the statuses and details of its phase model-load."""
        call = self.runtime.start_call(function, *args, **more)
        answer = self.runtime.expect("result", "error")
        self.assertEqual(answer["type"], "result", answer)
        mine = [p for p in self.runtime.phases if p["phase"] == "model-load" and p["call"] == call]
        return answer, [p["status"] for p in mine], [p.get("detail") for p in mine], mine

    def took(self, what):
        """Milliseconds that the naps of loaders, or of running code, have taken so far."""
        return self.runtime.value("taken")[what]

    def test_a_load_in_the_body_counts_as_loading_and_not_as_running(self):
        answer, statuses, details, phases = self.loads("in_body")
        self.assertEqual(statuses[0], "started")
        self.assertEqual(statuses[-1], "done")
        self.assertEqual(statuses.count("done"), 1)
        self.assertEqual(details[0], "weights.pt (torch.load)")
        self.assertAlmostEqual(answer["modelLoadMs"], self.took("load"), delta=80)
        self.assertAlmostEqual(answer["ms"], self.took("run"), delta=120)
        self.assertEqual(phases[-1]["ms"], answer["modelLoadMs"])

    def test_nested_loaders_count_once_and_the_outermost_names_them(self):
        answer, _, details, _ = self.loads("piped")
        self.assertEqual({detail for detail in details if detail}, {"gpt2 (transformers.pipeline)"})
        self.assertAlmostEqual(answer["modelLoadMs"], self.took("load"), delta=80)

    def test_from_pretrained_of_a_lazy_package(self):
        _, _, details, _ = self.loads("pretrained")
        self.assertEqual(details[0], "org/model (AutoModel.from_pretrained)")

    def test_only_moves_to_a_gpu_count(self):
        answer, _, details, _ = self.loads("moves")
        self.assertEqual([d for d in details if d], ["Module (to cuda:0)", "Module (to cuda)"])
        self.assertAlmostEqual(answer["modelLoadMs"], self.took("load"), delta=60)

    def test_reading_an_open_safetensors_file(self):
        answer, _, details, _ = self.loads("opened")
        self.assertEqual(details[0], "a/model.safetensors (safetensors)")
        self.assertAlmostEqual(answer["modelLoadMs"], self.took("load"), delta=60)

    def test_it_is_told_when_nothing_is_being_loaded_any_more(self):
        _, statuses, details, _ = self.loads("in_body")
        self.assertEqual(list(zip(statuses, details))[1], ("progress", None))
        _, _, details, _ = self.loads("Model.ask", "hi", constructor=[])
        self.assertEqual(details[:4], ["Model.load", "gpt2 (transformers.pipeline)", "Model.load", None])

    def test_a_phase_that_the_user_names(self):
        answer, statuses, details, _ = self.loads("named")
        self.assertEqual(details[0], "warm the cache")
        self.assertAlmostEqual(answer["modelLoadMs"], self.took("load"), delta=60)
        self.assertEqual(statuses[-1], "done")

    def test_a_call_that_loads_nothing_has_no_such_phase(self):
        answer, statuses, _, _ = self.loads("nothing")
        self.assertEqual((answer["modelLoadMs"], statuses), (0, []))

    def test_enter_counts_for_the_first_call_only_and_shows_what_it_loads(self):
        answer, _, details, _ = self.loads("Model.ask", "hi", constructor=[])
        self.assertEqual(details[:2], ["Model.load", "gpt2 (transformers.pipeline)"])
        self.assertAlmostEqual(answer["modelLoadMs"], self.took("load"), delta=120)
        self.assertAlmostEqual(answer["ms"], self.took("run"), delta=80)
        answer, statuses, _, _ = self.loads("Model.ask", "hi", constructor=[])
        self.assertEqual((answer["modelLoadMs"], statuses), (0, []))

    def test_a_load_at_the_top_of_the_module_belongs_to_the_load(self):
        top = (
            "import naps, torch, velar\nMODEL = torch.load('m.pt')\napp = velar.App('x')\n"
            "@app.function()\ndef taken():\n    return naps.took\n"
        )
        self.runtime.phases.clear()
        began = time.perf_counter()
        loaded = self.runtime.load({"app.py": top, **FAKE_PACKAGES})
        whole = (time.perf_counter() - began) * 1000
        mine = [p for p in self.runtime.phases if p["phase"] == "model-load"]
        self.assertEqual([p["call"] for p in mine], [None] * len(mine))
        self.assertAlmostEqual(mine[-1]["ms"], self.took("load"), delta=80)
        self.assertLessEqual(loaded["ms"] + mine[-1]["ms"], whole, "no time counts twice")


@unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed here; the stand-in was used above")
class RealTorch(unittest.TestCase):
    def test_torch_load_and_the_kinds_of_results(self):
        app = """
            import torch
            import velar
            app = velar.App("t")

            @app.function()
            def go():
                torch.save(torch.nn.Linear(4, 4).state_dict(), "w.pt")
                return torch.load("w.pt", weights_only=True)["bias"].detach()
            """
        with Runtime() as runtime:
            runtime.sock.settimeout(120)
            runtime.load({"app.py": app})
            answer = runtime.call("go")
            self.assertEqual(answer["type"], "result", answer)
            self.assertGreater(answer["modelLoadMs"], 0)
            mime = answer.json()["mime"]
            self.assertEqual(mime["application/json"], {"shape": [4], "dtype": "torch.float32", "device": "cpu"})


@unittest.skipUnless(importlib.util.find_spec("transformers"), "transformers is not installed here")
class RealTransformers(unittest.TestCase):
    def test_a_model_saved_and_loaded_again_is_recognised_and_works(self):
        app = """
            import velar
            from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel
            app = velar.App("t")

            @app.function()
            def go():
                config = GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=20)
                GPT2LMHeadModel(config).save_pretrained("tiny")
                return type(AutoModelForCausalLM.from_pretrained("./tiny")).__name__
            """
        with Runtime() as runtime:
            runtime.sock.settimeout(120)
            runtime.load({"app.py": app})
            answer = runtime.call("go")
            self.assertEqual(answer["type"], "result", answer)
            self.assertEqual(answer.json()["value"], "GPT2LMHeadModel")
            self.assertGreater(answer["modelLoadMs"], 0)
            details = [phase.get("detail") for phase in runtime.phases if phase["phase"] == "model-load"]
            self.assertEqual(details[0], "tiny (AutoModelForCausalLM.from_pretrained)")


class Memory(unittest.TestCase):
    APP = """
        import os
        import subprocess
        import sys
        import time
        import velar
        app = velar.App("m")

        @app.function()
        def hold(mebibytes, seconds):
            data = bytearray(os.urandom(1024)) * (mebibytes << 10)
            time.sleep(seconds)
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        @app.function()
        def briefly(mebibytes):
            data = bytearray(b"x") * (mebibytes << 20)
            del data
            time.sleep(0.1)

        @app.function()
        def phases():
            with velar.phase("load"):
                data = bytearray(b"x") * (200 << 20)
                del data
            data = bytearray(b"x") * (100 << 20)
            time.sleep(0.1)

        @app.function()
        def child(mebibytes):
            code = "data = b'x' * (%d << 20); import time; time.sleep(2.5)" % mebibytes
            subprocess.run([sys.executable, "-c", code])

        @app.function()
        def quick():
            return 1
        """

    def setUp(self):
        self.runtime = Runtime().__enter__()
        self.addCleanup(self.runtime.__exit__)
        self.runtime.load({"app.py": self.APP})
        self.runtime.memory.clear()

    def test_samples_agree_with_proc_and_remember_the_peak(self):
        # Longer than the slowest pause between samples, however long a busy machine takes to fill the memory.
        call = self.runtime.start_call("hold", 100, 1.2)
        resident = self.runtime.expect("result").json()["value"]
        samples = self.runtime.memory
        self.assertGreaterEqual(len(samples), 4)
        self.assertEqual({(s["call"], s["device"], s["source"]) for s in samples}, {(call, "host", "rss")})
        highest = max(sample["usedBytes"] for sample in samples)
        self.assertAlmostEqual(highest / resident, 1, delta=0.05)
        self.assertGreaterEqual(samples[-1]["peakBytes"], 100 << 20)
        self.assertGreater(samples[-1]["totalBytes"], samples[-1]["peakBytes"])

    def test_the_peak_is_the_calls_own(self):
        self.runtime.call("briefly", 300)
        sample = self.runtime.memory[-1]
        self.assertLess(sample["usedBytes"], 150 << 20)
        self.assertGreaterEqual(sample["peakBytes"], 300 << 20)
        self.runtime.memory.clear()
        self.runtime.call("hold", 1, 0.1)
        self.assertLess(self.runtime.memory[-1]["peakBytes"], 150 << 20)

    def test_each_phase_has_its_peak(self):
        self.runtime.call("phases")
        peaks = {}
        for sample in self.runtime.memory:
            self.assertEqual(sample["call"], 1)
            peaks[sample["phase"]] = max(peaks.get(sample["phase"], 0), sample["phasePeakBytes"])
        self.assertGreaterEqual(peaks["model-load"], 200 << 20)
        self.assertGreaterEqual(peaks["running"], 100 << 20)
        self.assertLess(peaks["running"], 200 << 20)
        self.assertEqual(self.runtime.memory[-1]["peakBytes"], peaks["model-load"])

    def test_the_import_has_its_peak(self):
        self.runtime.load({"app.py": "DATA = bytearray(b'x') * (200 << 20)\ndel DATA\nimport time\ntime.sleep(0.1)\n"})
        sample = self.runtime.memory[-1]
        self.assertEqual((sample["call"], sample["phase"]), (None, "imports"))
        self.assertGreaterEqual(sample["phasePeakBytes"], 200 << 20)

    def test_child_processes_count(self):
        self.runtime.call("child", 300)
        self.assertGreaterEqual(max(sample["usedBytes"] for sample in self.runtime.memory), 300 << 20)

    def test_a_quick_call_is_not_slowed_by_samples(self):
        for _ in range(20):
            self.runtime.call("quick")
        self.assertLess(len(self.runtime.memory), 20)

    def test_a_quick_call_that_is_watched_has_a_sample(self):
        call = self.runtime.start_call("quick", watched=True)
        self.runtime.expect("result")
        self.assertEqual([sample["call"] for sample in self.runtime.memory], [call])


if __name__ == "__main__":
    unittest.main()
