package account

import (
	"fovea/evaluation/checklist"
	"fovea/internal/runfiles"
)

// A teller adds to w what a run tells on a topic.
type teller func(f *folder, w *writer)

// topics holds the teller of each topic.
var topics = map[checklist.Topic]teller{
	checklist.Source:          (*folder).source,
	checklist.Flow:            (*folder).flow,
	checklist.Missing:         (*folder).missing,
	checklist.Division:        (*folder).division,
	checklist.Leaks:           (*folder).leaks,
	checklist.Balance:         (*folder).balance,
	checklist.Severity:        (*folder).severity,
	checklist.Characteristics: (*folder).characteristics,

	checklist.Kind:           (*folder).kind,
	checklist.Task:           ofModel((*folder).task),
	checklist.Predictors:     ofModel((*folder).predictors),
	checklist.Readers:        never("The predictors are the pixels of the image, which nobody reads for the model."),
	checklist.Updating:       never("The run trains one model and tests it; nothing is updated afterwards."),
	checklist.Preparation:    ofModel((*folder).preparation),
	checklist.Augmentation:   (*folder).augmentation,
	checklist.Imbalance:      (*folder).imbalance,
	checklist.Architecture:   (*folder).architecture,
	checklist.Initialization: (*folder).initialization,
	checklist.Training:       (*folder).training,
	checklist.Selection:      (*folder).selection,
	checklist.Ensemble:       ofModel((*folder).ensemble),
	checklist.Software:       (*folder).software,
	checklist.Hardware:       (*folder).hardware,
	checklist.Reproduction:   (*folder).reproduction,

	checklist.External:    (*folder).external,
	checklist.Utility:     (*folder).utility,
	checklist.Subgroups:   (*folder).subgroups,
	checklist.Clusters:    (*folder).clusters,
	checklist.Internal:    (*folder).internal,
	checklist.Output:      ofModel((*folder).output),
	checklist.Measures:    ofTest((*folder).measures),
	checklist.Uncertainty: ofTest((*folder).uncertainty),
	checklist.Results:     ofTest((*folder).results),
	checklist.ByClass:     ofTest((*folder).byClass),
	checklist.Calibration: ofTest((*folder).calibration),
	checklist.CrossTable:  ofTest(ofPredictions((*folder).crossTable)),
	checklist.Failures:    ofTest(ofPredictions((*folder).failures)),
}

// noModel says why facts on the model are missing.
const noModel = "The model: the run has no " + runfiles.Model + "."

// ofModel needs the model of the run.
func ofModel(tell teller) teller {
	return given(func(f *folder) bool { return f.model != nil }, noModel, tell)
}

// ofTest needs the measures of the test.
func ofTest(tell teller) teller {
	return given(func(f *folder) bool { return f.assessment != nil }, "The test: the run has not ended.", tell)
}

// ofPredictions needs the predictions of the test.
func ofPredictions(tell teller) teller {
	return given(func(f *folder) bool { return f.tested != nil }, "The predictions: "+inPredictions+" is not there.", tell)
}

// given tells if the folder has what is needed, else that it is missing.
func given(has func(*folder) bool, missing string, tell teller) teller {
	return func(f *folder, w *writer) {
		if has(f) {
			tell(f, w)
		} else {
			w.lack("%s", missing)
		}
	}
}

// never tells of what a run does not do.
func never(text string) teller {
	return func(_ *folder, w *writer) { w.say(nil, "%s", text); w.notApplicable = true }
}
