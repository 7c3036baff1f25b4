"""Results as MIME bundles. Classes that stand in for those of packages say so in their names."""

import base64
import json
import math
import struct
import unittest
import zlib

import harness  # noqa: F401

import velar
from velar_worker import results


def encoded(value):
    def refuse(name):
        raise AssertionError("not JSON: " + name)

    return json.loads(results.encode(value).decode("ascii"), parse_constant=refuse)


class Values(unittest.TestCase):
    def test_plain_values_travel_as_they_are(self):
        for value in (None, True, 3, 1.5, "t\u00e9xt", [1, ["a"]], {"a": {"b": [None]}}, "", [], {}):
            self.assertEqual(encoded(value), {"value": value})
        self.assertEqual(encoded((1, (2,))), {"value": [1, [2]]})

    def test_numbers_that_json_lacks_keep_their_text(self):
        self.assertEqual(encoded(math.nan), {"mime": {"text/plain": "nan", "application/json": "NaN"}})
        mime = encoded({"loss": [1.0, math.inf, -math.inf], "big": 2**70})["mime"]
        self.assertEqual(mime["application/json"], {"loss": [1.0, "Infinity", "-Infinity"], "big": str(2**70)})
        self.assertIn("inf", mime["text/plain"])

    def test_dicts_with_other_keys_are_shown(self):
        mime = encoded({1: "a"})["mime"]
        self.assertEqual((mime["text/plain"], mime["application/json"]), ("{1: 'a'}", {"1": "a"}))

    def test_anything_else_is_shown_by_its_repr(self):
        class Broken:
            def __repr__(self):
                raise ValueError("no")

        self.assertEqual(encoded({1, 2}), {"mime": {"text/plain": "{1, 2}"}})
        self.assertIn("its repr raised ValueError", encoded(Broken())["mime"]["text/plain"])
        long = encoded({"x" * 200_000})["mime"]["text/plain"]
        self.assertLess(len(long), 110_000)
        self.assertIn("more characters", long)

    def test_values_that_contain_themselves(self):
        loop = []
        loop.append(loop)
        self.assertIn("text/plain", encoded(loop)["mime"])

    def test_lone_surrogates_are_valid_json(self):
        self.assertEqual(encoded("\ud800"), {"value": "\ud800"})

    def test_bytes(self):
        mime = encoded(b"abc")["mime"]
        self.assertEqual(base64.b64decode(mime["application/octet-stream"]), b"abc")
        self.assertIn("3 bytes", mime["text/plain"])
        self.assertIn("image/png", encoded(b"\x89PNG\r\n\x1a\n...")["mime"])


class Pictures(unittest.TestCase):
    def test_an_array_becomes_a_png_with_its_pixels(self):
        mime = encoded(velar.picture([[0, 128], [255, 300]]))["mime"]
        data = base64.b64decode(mime["image/png"])
        self.assertEqual(struct.unpack(">II", data[16:24]), (2, 2))
        at = data.index(b"IDAT")
        size = struct.unpack(">I", data[at - 4 : at])[0]
        self.assertEqual(zlib.decompress(data[at + 4 : at + 4 + size]), b"\0\x00\x80\0\xff\xff")

    def test_colours_and_channels_first(self):
        last = velar.picture([[[1.0, 0.0, 0.5]] * 2] * 4)
        self.assertEqual((last.width, last.height, last.channels, last.pixels[:3]), (2, 4, 3, bytes([255, 0, 128])))
        first = velar.picture([[[1, 2, 3, 4, 5]] * 5, [[6] * 5] * 5, [[7] * 5] * 5])
        self.assertEqual((first.width, first.height, first.channels, first.pixels[:6]), (5, 5, 3, bytes([1, 6, 7, 2, 6, 7])))

    def test_other_shapes_are_refused(self):
        for wrong in ([1, 2], [[[[1]]]], [[1], [1, 2]], "text", [[]]):
            with self.subTest(wrong), self.assertRaises(ValueError):
                velar.picture(wrong)


class Objects(unittest.TestCase):
    def test_objects_that_show_themselves(self):
        class Shown:
            def _repr_png_(self):
                return b"png"

            def _repr_html_(self):
                return "<b>no</b>"

        class Svg:
            def _repr_svg_(self):
                return "<svg/>"

            def _repr_html_(self):
                raise RuntimeError

        class Bundle:
            def _repr_mimebundle_(self, include=None, exclude=None):
                return {"text/html": "<i>x</i>", "image/png": b"raw"}, {}

        self.assertEqual(encoded(Shown())["mime"]["image/png"], base64.b64encode(b"png").decode())
        self.assertEqual(encoded(Svg())["mime"]["image/svg+xml"], "<svg/>")
        mime = encoded(Bundle())["mime"]
        self.assertEqual((mime["text/html"], mime["image/png"]), ("<i>x</i>", base64.b64encode(b"raw").decode()))
        self.assertIn("Bundle object", mime["text/plain"])

    def test_an_object_that_answers_to_any_name_is_just_text(self):
        class Anything:
            def __getattr__(self, name):
                return lambda *args, **kwargs: None

        self.assertEqual(list(encoded(Anything())["mime"]), ["text/plain"])

    def test_a_stand_in_for_a_matplotlib_figure(self):
        class FigureStandIn:
            def savefig(self, out, format, bbox_inches):
                out.write(b"figure as " + format.encode())

        FigureStandIn.__module__ = "matplotlib.figure"
        mime = encoded(FigureStandIn())["mime"]
        self.assertEqual(base64.b64decode(mime["image/png"]), b"figure as png")

    def test_a_stand_in_for_a_numpy_array_and_scalar(self):
        class ndarray:
            shape = (2, 3)
            dtype = "float32"

        class float32:
            shape = ()

            def item(self):
                return 1.5

        ndarray.__module__ = float32.__module__ = "numpy"
        mime = encoded(ndarray())["mime"]
        self.assertTrue(mime["text/plain"].startswith("ndarray 2x3 of float32"))
        self.assertEqual(mime["application/json"], {"shape": [2, 3], "dtype": "float32"})
        self.assertEqual(encoded({"loss": float32()}), {"value": {"loss": 1.5}})


def importable(name):
    try:
        return __import__(name)
    except ImportError:
        return None


@unittest.skipUnless(importable("pandas"), "pandas is not installed here")
class Pandas(unittest.TestCase):
    def test_a_table_is_bounded_and_says_how_much_there_was(self):
        import pandas

        frame = pandas.DataFrame({"a": range(5000), "b": ["x"] * 4999 + [None], "c": [1.5, math.nan] * 2500})
        table = encoded(frame)["mime"]["application/vnd.velar.table+json"]
        self.assertEqual((table["columns"], table["totalRows"], len(table["rows"])), (["a", "b", "c"], 5000, 1000))
        self.assertEqual(table["rows"][1], [1, "x", None])


@unittest.skipUnless(importable("numpy"), "numpy is not installed here; a stand-in was used above")
class Numpy(unittest.TestCase):
    def test_arrays_scalars_and_pictures(self):
        import numpy

        self.assertEqual(encoded({"n": numpy.int64(3)}), {"value": {"n": 3}})
        shown = encoded(numpy.zeros((2, 2)))["mime"]["application/json"]
        self.assertEqual((shown["shape"], shown["dtype"]), ([2, 2], "float64"))
        picture = velar.picture(numpy.ones((3, 4, 5)))
        self.assertEqual((picture.height, picture.width, picture.channels), (4, 5, 3))


@unittest.skipUnless(importable("matplotlib"), "matplotlib is not installed here; a stand-in was used above")
class Matplotlib(unittest.TestCase):
    def test_a_figure_is_a_png(self):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot([1, 2])
        self.assertTrue(base64.b64decode(encoded(figure)["mime"]["image/png"]).startswith(b"\x89PNG"))


if __name__ == "__main__":
    unittest.main()
