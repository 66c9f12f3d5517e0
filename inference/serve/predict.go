package serve

import (
	"net/http"

	"fovea/evaluation"
)

// reply is the answer to an image.
type reply struct {
	Predicted     string        `json:"predicted"`
	Probabilities []probability `json:"probabilities"`           // in the model's order
	Decision      string        `json:"decision,omitempty"`      // by the threshold of the model's run
	DecisionRule  string        `json:"decision_rule,omitempty"` // that threshold in words
	NoHeatMap     string        `json:"no_heat_map,omitempty"`   // why there is none to ask for
}

type probability struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"`
}

// predict answers POST /predict.
func (s *Server) predict(w http.ResponseWriter, r *http.Request) error {
	image, err := s.image(r)
	if err != nil {
		return err
	}
	p, err := s.batcher.classify(r.Context(), image)
	if err != nil {
		return err
	}
	for _, v := range p {
		if v != v {
			return refuse(http.StatusUnprocessableEntity, "the model's scores of the image are not finite")
		}
	}
	out := reply{Predicted: s.description.Classes[evaluation.Prediction{Probabilities: p}.Predicted()]}
	if s.rule != nil {
		out.Decision, out.DecisionRule = s.rule.Decision(p), s.rule.String()
	}
	if s.explainer.model == nil {
		out.NoHeatMap = s.explainer.reason.Error()
	}
	for i, v := range p {
		out.Probabilities = append(out.Probabilities, probability{s.description.Classes[i], v})
	}
	s.answer(w, r, http.StatusOK, out)
	return nil
}
