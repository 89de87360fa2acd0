package rules

import "github.com/mmaudit/mmaudit/validate/rule"

var family = formats{nuScenes, lyft, t4}

var schJSON = []Rule{
	{
		ID: "SCH001", Slug: "json-syntax", Severity: rule.Error,
		Summary: "Every JSON file is well-formed to its last byte.",
		Why:     "Readers load a table whole: one missing bracket makes the data set unusable. A truncated file is the usual trace of an interrupted copy.",
		Example: `[{"token": "a"}, {"token": "b"`,
		Hint:    "compare size and checksum with the source and copy the file again; `python -m json.tool FILE` shows the first error",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH002", Slug: "json-not-array", Severity: rule.Error, Formats: family,
		Summary: "Every table is an array of objects.",
		Why:     "The devkits iterate over the table's rows: an object at the top level makes them iterate over its keys.",
		Example: `{"scene": [{"token": "a"}]}`,
		Hint:    "write each table as [{…}, {…}]",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH003", Slug: "json-duplicate-key", Severity: rule.Error,
		Summary: "No object has the same key twice.",
		Why:     "Readers keep the first value or the last, silently, so two of them see different data.",
		Example: `{"token": "a", "timestamp": 1, "timestamp": 2}`,
		Hint:    "keep the value that is meant",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH004", Slug: "json-nonfinite", Severity: rule.Error,
		Summary: "Numbers are finite: no NaN, no Infinity, nothing beyond 1.8e308.",
		Why:     "Python writes NaN and Infinity by default, but they are not JSON: strict readers refuse the file, and lenient ones compute with them.",
		Example: `{"translation": [NaN, 0.0, 0.0]}`,
		Hint:    "write with json.dump(…, allow_nan=False) and repair the value at its source",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH005", Slug: "text-encoding", Severity: rule.Warning,
		Summary: "Text files are UTF-8 without a byte order mark and without carriage returns, and their last line is ended.",
		Why:     "Readers that split lines or columns by hand take a byte order mark or a carriage return for content: the first key is not found, the last column does not parse. (JSON needs no final line feed, and in XML all three are legal.)",
		Example: `Car 0.00 0 -1.58 … -1.59\r\n`,
		Hint:    "convert the file: dos2unix, iconv -t UTF-8",
		Checks:  []Check{rule.FromReader()},
	},
}
