package autodiff

import "fovea/graphs"

func init() {
	register(map[string]Rule{
		"ReduceSum": func(c *Call) []*graphs.Value { return one(repeat(c)) },
		"ReduceMean": func(c *Call) []*graphs.Value {
			return one(c.Scale(repeat(c), float64(c.Out(0).Len())/float64(c.In(0).Len())))
		},
	})
}

// repeat spreads the gradient of a reduction over the elements reduced.
func repeat(c *Call) *graphs.Value {
	x, axes := c.In(0), map[int]bool{}
	reduced, err := graphs.ReducedAxes(c.node)
	if err != nil {
		c.refuse("%v", err)
		return nil
	}
	for _, a := range reduced {
		axes[a] = true
	}
	kept := make([]int64, x.Rank())
	for i, d := range x.Shape {
		if kept[i] = d; axes[i] {
			kept[i] = 1
		}
	}
	return c.Expand(c.Reshape(c.Grad(0), kept...), nil, x.Shape...)
}
