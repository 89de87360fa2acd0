package rules

import "github.com/mmaudit/mmaudit/validate/rule"

// schTable holds what the schema of a record says (schemas/tables). The reader
// of the tables applies it while it reads.
var schTable = []Rule{
	{
		ID: "SCH006", Slug: "field-missing", Severity: rule.Error, Formats: family,
		Summary: "Every row has every field that the format documents.",
		Why:     "Readers take fields by name and stop with a KeyError at the first row that lacks one.",
		Example: `a row of sample_data without "ego_pose_token"`,
		Hint:    "write the field; an optional link is \"\", never absent",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH007", Slug: "field-unknown", Severity: rule.Info, Formats: formats{nuScenes, t4},
		Summary: "Rows have no fields beyond the documented ones (a warning under --strict).",
		Why:     "Most readers ignore such a field, those of T4 refuse it, and often it is a documented field with a typing error.",
		Example: `"time_stamp": 1532402927647951`,
		Hint:    "remove the field, or correct its name",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH008", Slug: "field-type", Severity: rule.Error, Formats: family,
		Summary: "Every field has the JSON type that the format documents.",
		Why:     "A number in quotes or a text in place of a list is read without complaint and fails far from here.",
		Example: `"timestamp": "1532402927647951"`,
		Hint:    "write the field with the type that is expected",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH009", Slug: "int-as-float", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "Stamps, counts and sizes are written as integers: digits alone.",
		Why:     "A stamp that passed through a float may have lost its last digits (float64 has steps of 256 at 1.67e18), and strictly typed readers refuse 1600.0 for an integer.",
		Example: `"timestamp": 1.532402927647951e+18`,
		Hint:    "write int(value), from a source that never was a float (numpy and pandas make columns with gaps float)",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH010", Slug: "array-length", Severity: rule.Error, Formats: family,
		Summary: "Lists have their documented length: translation and size 3, rotation 4, camera_intrinsic 3 x 3 or none, camera_distortion 0, 4, 5, 8, 12 or 14.",
		Why:     "A rotation of three numbers is Euler angles in place of a quaternion; a 3 x 4 intrinsic is a projection matrix. Both are read as something else.",
		Example: `"rotation": [0.0, 0.0, 1.57]`,
		Hint:    "convert the value to the documented form",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH011", Slug: "value-null", Severity: rule.Error, Formats: family,
		Summary: "No field is null unless the format allows it.",
		Why:     "Readers test links against \"\": null counts as a link and is looked up.",
		Example: `"next": null`,
		Hint:    "write \"\" for a link that leads nowhere, [] for an empty list",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH012", Slug: "token-format", Severity: rule.Warning, Formats: family,
		Summary: "Primary keys have the form of their format: 32 lower-case hexadecimal digits in nuScenes, 64 in Lyft, any text but the empty one in T4; visibility has 1 to 4.",
		Why:     "Tools store tokens in 16 bytes or as columns of fixed width; others cut or fold them, so that two become one.",
		Example: `"token": "CA9A282C9E77460F8360F564131A8AF5"`,
		Hint:    "generate tokens with uuid4().hex, or md5 of a stable name",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH013", Slug: "token-duplicate", Severity: rule.Error, Formats: family,
		Summary: "A primary key occurs once in its table.",
		Why:     "The devkit keeps the last row of a key without a word: every other row with it is lost.",
		Example: "the same row of sample_annotation twice, after two exports were joined",
		Hint:    "remove the repeated row, or give it a token of its own",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH014", Slug: "enum-value", Severity: rule.Error, Formats: family,
		Summary: "Fields with a fixed set of values have one of them: modality, fileformat, visibility level, shift_state.",
		Why:     "Readers choose by these words how to open a file; an unknown one is skipped or taken for another.",
		Example: `"modality": "Lidar"`,
		Hint:    "use one of the documented values, in lower case",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH019", Slug: "date-format", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "log.date_captured is YYYY-MM-DD (T4: data_captured is YYYY-MM-DD-HH-MM-SS).",
		Why:     "Splits by day and by night are made from this text.",
		Example: `"date_captured": "24.07.2018"`,
		Hint:    "write the local date of the recording in this form",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH021", Slug: "autolabel-metadata", Severity: rule.Error, Formats: formats{t4},
		Summary: "autolabel_metadata is given exactly where automatic_annotation is true; scores and uncertainties lie in 0 to 1.",
		Why:     "It decides whether an annotation counts as ground truth: a label of a model that passes for a human one spoils every evaluation.",
		Example: `"automatic_annotation": true without autolabel_metadata`,
		Hint:    "name the models and their scores, or set automatic_annotation to false",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH042", Slug: "splits-json", Severity: rule.Error, Formats: formats{nuScenes},
		Summary: "splits.json is an object that gives the list of scene names of each split.",
		Why:     "The devkit reads it when a split is asked for that it does not know, and stops where it is anything else.",
		Example: `{"train": "scene-0061"}`,
		Hint:    `write {"train": ["scene-0061"], "val": ["scene-0103"]}`,
		Checks:  []Check{rule.FromReader()},
	},
}
