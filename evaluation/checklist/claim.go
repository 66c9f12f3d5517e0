package checklist

// claim holds the 44 items of CLAIM in its update of 2024.
var claim = &Checklist{
	Name:  "claim",
	Title: "CLAIM 2024 Update",
	Source: "Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical Imaging (CLAIM): " +
		"2024 " +
		"Update. Radiology: Artificial Intelligence 2024;6(4):e240300, https://doi.org/10.1148/ryai.240300",
	Items: []Item{
		{"1", "Title or abstract", "Study of AI, with the kind of technology", []Topic{Kind},
			"Put it into the title or abstract."},
		{"2", "Abstract", "Summary of the study", nil, "Write it from the answers below."},

		{"3", "Introduction", "Background, intended use and role of the AI", nil, "Write it."},
		{"4", "Introduction", "Aim and hypotheses", nil, "Write them."},

		{"5", "Methods: study design", "Prospective or retrospective", nil, "Say which."},
		{"6", "Methods: study design", "Goal of the study", nil, "Say what the model is developed or tested for."},

		{"7", "Methods: data", "Sources of the data", []Topic{Source},
			"Name institutions, dates and earlier publications of the data."},
		{"8", "Methods: data", "Who and what was included", nil, "Give the criteria, with setting and dates."},
		{"9", "Methods: data", "Preprocessing", []Topic{Preparation, Augmentation},
			"Say what was done before the images came to Fovea, such as cropping or conversion."},
		{"10", "Methods: data", "Parts of the data that were chosen", []Topic{Flow},
			"Say whether parts of images or of the data were chosen before."},
		{"11", "Methods: data", "De-identification", nil, "Say how the images and the table were de-identified."},
		{"12", "Methods: data", "Handling of missing data", []Topic{Missing}, "Say why data are missing."},
		{"13", "Methods: data", "Image acquisition", nil, "Name cameras, fields, protocol and file format."},

		{"14", "Methods: reference standard", "The reference standard, and how an image gets it", []Topic{Task},
			"Define each class, and how an image gets it."},
		{"15", "Methods: reference standard", "Reason for this reference standard", nil, "Give the reason."},
		{"16", "Methods: reference standard", "Source of the annotations", nil,
			"Say who graded the images, with which experience and instructions."},
		{"17", "Methods: reference standard", "Annotation of the test set", nil,
			"Say how the test images were graded, if otherwise than the rest."},
		{"18", "Methods: reference standard", "Variability between and within graders", nil,
			"Give it, and how disagreement was settled."},

		{"19", "Methods: data partitions", "Division of the images into splits", []Topic{Division, Balance}, ""},
		{"20", "Methods: data partitions", "What no two splits share: image, eye, patient, site", []Topic{Leaks}, ""},

		{"21", "Methods: testing data", "Planned size of the test set", nil, "Say how the size was determined."},

		{"22", "Methods: model", "Description of the model", []Topic{Architecture, Output}, ""},
		{"23", "Methods: model", "Software", []Topic{Software}, ""},
		{"24", "Methods: model", "Initial values of the parameters", []Topic{Initialization}, ""},

		{"25", "Methods: training", "Training", []Topic{Training, Augmentation, Imbalance, Hardware},
			"Say how many models were trained, and how the settings were found."},
		{"26", "Methods: training", "Choice of the final model", []Topic{Selection}, ""},
		{"27", "Methods: training", "Ensembles", []Topic{Ensemble}, ""},

		{"28", "Methods: evaluation", "Measures of performance", []Topic{Measures, Utility},
			"Give the reason for the primary measure."},
		{"29", "Methods: evaluation", "Intervals and tests", []Topic{Uncertainty}, ""},
		{"30", "Methods: evaluation", "Robustness or sensitivity", []Topic{Subgroups},
			"Say whether results were checked under other conditions, such as cameras, image quality or seeds."},
		{"31", "Methods: evaluation", "Explainability", nil,
			"Say whether maps of relevance were made (trainer explain makes them) and how they were validated."},
		{"32", "Methods: evaluation", "Test on own data", []Topic{Internal}, ""},
		{"33", "Methods: evaluation", "Test on data from elsewhere", []Topic{External},
			"Describe an external test (trainer eval -model model.onnx -data DIR), or say that there was none."},
		{"34", "Methods: evaluation", "Registration of a clinical trial", nil,
			"Give register and number, if it is a trial."},

		{"35", "Results: data", "Patients or examinations included and excluded", []Topic{Flow},
			"Add the steps before the table or folder was made."},
		{"36", "Results: data", "Characteristics of the cases in each split", []Topic{Characteristics, Balance}, ""},

		{"37", "Results: model performance", "Performance and its uncertainty", []Topic{Results, Calibration}, ""},
		{"38", "Results: model performance", "Diagnostic accuracy with intervals", []Topic{Results,
			ByClass,
			CrossTable},
			""},
		{"39", "Results: model performance", "Analysis of wrong answers", []Topic{Failures},
			"Look at the wrong answers and say what they have in common."},

		{"40", "Discussion", "Limitations", nil,
			"Write it. Where this table says that the run does not know something, that is a limitation."},
		{"41", "Discussion", "What it means for practice", nil, "Write it, with intended use and clinical role."},

		{"42", "Other information", "Protocol or further technical details", []Topic{Reproduction},
			"Say where the protocol is, or that there was none."},
		{"43", "Other information", "Availability of software, model and data", []Topic{Software, Reproduction},
			"Say where software, model.onnx and data can be had."},
		{"44", "Other information", "Funding, and the part of the funders", nil, "Name them."},
	},
}
