package inference

import (
	"fmt"

	"fovea/data"
	"fovea/data/labels"
)

// Images names labelled images to use a model on.
type Images struct {
	Dir     string // folder of the splits, or of all images
	Split   string // folder in Dir; with Labels the split, where the table says splits
	Labels  string // table of images and labels in the place of folders; "": none
	Columns labels.Columns
	Skip    bool // rows without an image are left out
}

// Open lists the images with the class numbers of a model.
func (o Images) Open(d *Description, model string) (*data.Split, error) {
	split, err := o.list(d.Classes, d.Merged)
	if err != nil {
		return nil, err
	}
	return split, RenumberClasses(split, d, model)
}

func (o Images) list(classes []string, merged map[string][]string) (*data.Split, error) {
	if o.Labels == "" {
		return data.OpenPart(o.Dir, o.Split, classes)
	}
	if len(merged) > 0 {
		classes = nil // the table may have those that are merged
	}
	t, err := labels.Open(o.Labels, o.Dir, labels.Options{Columns: o.Columns, Classes: classes, Key: "-columns"})
	if err != nil {
		return nil, err
	}
	if err := t.Log(); err != nil && !o.Skip {
		return nil, fmt.Errorf("%w: put them there, or add -skip-unreadable to leave them out", err)
	}
	return t.Part(o.Split)
}
