package checklist

// stard holds the 30 items of STARD 2015, of which 10, 12, 13 and 21 have two parts. The index test is the model.
var stard = &Checklist{
	Name:  "stard",
	Title: "STARD 2015",
	Source: "Bossuyt PM, Reitsma JB, Bruns DE, et al. STARD 2015: an updated list of essential items for reporting " +
		"diagnostic " +
		"accuracy studies. BMJ 2015;351:h5527, https://doi.org/10.1136/bmj.h5527",
	Items: []Item{
		{"1", "Title or abstract", "Study of diagnostic accuracy, with a measure of accuracy", []Topic{Results},
			"Put it into the title or abstract."},
		{"2", "Abstract", "Abstract with headings", nil, "Write it from the answers below, by STARD for Abstracts."},

		{"3", "Introduction", "Background, intended use and role of the index test", nil,
			"Write it. The index test is the model."},
		{"4", "Introduction", "Aim and hypotheses", nil, "Write them."},

		{"5", "Methods: study design", "Data collected before or after the tests", nil,
			"Say whether the study is prospective or retrospective."},

		{"6", "Methods: participants", "Eligibility", nil, "Give the criteria."},
		{"7", "Methods: participants", "How eligible participants were found", nil,
			"Say by which symptoms, results or registers."},
		{"8", "Methods: participants", "Where and when they were found", nil, "Name setting, place and dates."},
		{"9", "Methods: participants", "How the series was sampled", nil, "Say which."},

		{"10a", "Methods: test methods", "The index test, so that it can be repeated",
			[]Topic{Kind, Preparation, Architecture, Training, Reproduction}, "Describe camera and protocol of the images."},
		{"10b", "Methods: test methods", "The reference standard, so that it can be repeated", []Topic{Task},
			"Say how an image gets its class, and by whom."},
		{"11", "Methods: test methods", "Reason for the reference standard", nil,
			"Give the reason if there are alternatives."},
		{"12a", "Methods: test methods", "Cut-offs of the index test, planned or exploratory", []Topic{Output},
			"Give the reason for the threshold, and say whether it was fixed before the test."},
		{"12b", "Methods: test methods", "Cut-offs of the reference standard, planned or exploratory", []Topic{Task},
			"Give the limits between the classes, and say whether they were fixed before."},
		{"13a", "Methods: test methods", "What the readers of the index test knew", []Topic{Predictors}, ""},
		{"13b", "Methods: test methods", "What the assessors of the reference standard knew", nil,
			"Say whether they knew clinical information or answers of the model."},

		{"14", "Methods: analysis", "Statistics of accuracy", []Topic{Measures, Uncertainty}, ""},
		{"15", "Methods: analysis", "Indeterminate results", []Topic{Output},
			"Say how images without a clear reference were handled."},
		{"16", "Methods: analysis", "Missing data of either test", []Topic{Missing}, "Say why data are missing."},
		{"17", "Methods: analysis", "Analyses of variability, planned or exploratory", []Topic{Subgroups},
			"Say which were planned."},
		{"18", "Methods: analysis", "Planned sample size", nil, "Say how the size was determined."},

		{"19", "Results: participants", "Flow of participants", []Topic{Flow},
			"Add the steps before the table or folder was made, and a diagram."},
		{"20", "Results: participants", "Who the participants are", []Topic{Characteristics},
			"Add clinical characteristics."},
		{"21a", "Results: participants", "Severity of disease in those who have it", []Topic{Severity},
			"Describe severity where the classes do not."},
		{"21b", "Results: participants", "Other diagnoses in those without the disease", nil, "Describe them."},
		{"22", "Results: participants", "What lies between index test and reference standard", nil,
			"Give the time between the image and the reference standard."},

		{"23", "Results: test results", "Index test by reference standard", []Topic{CrossTable}, ""},
		{"24", "Results: test results", "Accuracy with intervals", []Topic{Results, ByClass}, ""},
		{"25", "Results: test results", "Adverse events", nil,
			"Report events of imaging and of the reference standard, or say that there were none."},

		{"26", "Discussion", "Limitations", nil,
			"Write it. Where this table says that the run does not know something, that is a limitation."},
		{"27", "Discussion", "What it means for practice", nil, "Write it, with intended use and clinical role."},

		{"28", "Other information", "Registration", nil, "Give register and number."},
		{"29", "Other information", "Protocol", nil, "Say where it is."},
		{"30", "Other information", "Funding, and the part of the funders", nil, "Name them."},
	},
}
