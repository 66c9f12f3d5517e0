package main

import (
	"context"
	"fmt"
	"strings"

	"fovea/data/prepare"
	"fovea/data/splits"
)

func prepareCommand(a *app) *command {
	o := prepare.Options{Progress: a.console.update}
	own := prepare.Own{Shares: splits.Shares{0.6, 0.2, 0.2}}
	var images, dest string
	var dry bool
	return &command{
		name:      "prepare",
		writesCSV: true,
		summary:   "make a data folder from a download, or images and a table",
		synopsis: []string{
			"trainer prepare NAME SOURCE DEST [flags]",
			"trainer prepare -labels FILE -images DIR -out DIR [flags]",
		},
		text: `
Converts the official download of a data set into the folder that data.dir of a config expects: train/, val/ and test/
with RETFound's class folders and split sizes. docs/datasets.md says what to download from where.

NAME is one of ` + strings.Join(setNames(), ", ") + `.

SOURCE is the zip archive, or a folder with everything that belongs to the set. Archives in it may stay packed. DEST is
the folder to write. Images are copied byte for byte. DEST/manifest.csv names the origin and the SHA-256 of each.

The splits are the same on every run and every machine. Identical images and the two eyes of a patient go into one split
as far as the sizes permit; the report lists exceptions.

A missing or unreadable image or label is an error. So is a number of images other than the published one. An error
leaves nothing behind.

With -labels it does the same for images of your own and a table that labels them. The report counts every row and image:
what is used, what is left out and why. Patients stay whole, and images that are nearly the same get one split.
manifest.csv holds the table with the splits, as data.labels reads it, and left_out.csv what is not used.
`,
		flags: []flagEntry{
			{&dry, "n", "", "check everything and print the report, write nothing"},
			{&dry, "dry-run", "", "the same as -n"},
			{&o.Crop, "crop", "", `remove the background of fundus photographs: writes the retina in the middle of a black
				square, as PNG`},
			{&o.Side, "side", "N", "with -crop: scale squares above N pixels down to N (RETFound's own files have 256)"},
			{&o.AnyCount, "any-count", "", "accept other numbers of images, as another release may have"},
		},
		groups: []flagGroup{{"These flags are for images of your own:", []flagEntry{
			{&own.Labels, "labels", "FILE", "table with a row for each image: CSV, TSV, .xlsx or Parquet"},
			{&images, "images", "DIR", "folder of the images, at any depth"},
			{&dest, "out", "DIR", "folder to write, which must not exist"},
			{&own.Columns, "columns", "LIST", `columns of the table that are not found by their names, such as
				image=Scan,label=Grade,patient=ID`},
			{&own.Shares, "split", "SHARES", "shares of train, val and test, for images to which the table gives no split"},
			{&own.Seed, "seed", "N", "seed of the splits; images that are added at the end of the table move none of the others"},
			{&own.AllowLeaks, "allow-leaks", "", "accept a table whose splits share patients or images"},
		}}},
		examples: `
trainer prepare octid Downloads/octid OCTID
trainer prepare aptos2019 aptos.zip APTOS2019 -crop -side 512
trainer prepare -labels labels.xlsx -images photos -out prepared -crop
`,
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			if o.Side < 0 || o.Side > 0 && !o.Crop {
				return badUsage("-side needs -crop and a side of 1 pixel or more")
			}
			if own.Labels != "" || images != "" || dest != "" {
				switch {
				case len(operands) > 0:
					return badUsage("-labels, -images and -out name all; %q is too many", operands)
				case own.Labels == "" || images == "" || dest == "":
					return badUsage("images of your own need -labels, -images and -out")
				}
				o.Own, o.Source, o.Dest = &own, images, dest
				return a.prepare(ctx, o, dry)
			}
			if len(operands) != 3 {
				return badUsage("expected NAME SOURCE DEST, or -labels, -images and -out; found %q", operands)
			}
			o.Source, o.Dest = operands[1], operands[2]
			var err error
			if o.Set, err = findSet(operands[0]); err != nil {
				return err
			}
			return a.prepare(ctx, o, dry)
		},
	}
}

func (a *app) prepare(ctx context.Context, o prepare.Options, dry bool) error {
	plan, err := prepare.New(ctx, o)
	if err != nil {
		return err
	}
	defer plan.Close()
	done := "would be written to"
	if !dry {
		done = "written to"
		if err := plan.Write(ctx); err != nil {
			return err
		}
	}
	fmt.Fprint(a.text, plan.Report())
	a.printf("%s: %s\n", done, o.Dest)
	return nil
}

func findSet(name string) (*prepare.Set, error) {
	if s := prepare.Find(name); s != nil {
		return s, nil
	}
	err := fmt.Errorf("unknown data set %q", name)
	if suggested := suggest(err, name, setNames()); suggested != err {
		return nil, badUsage("%w", suggested)
	}
	return nil, badUsage("%w; the sets are %q", err, setNames())
}

func setNames() []string {
	var names []string
	for _, s := range prepare.Sets {
		names = append(names, s.Name)
	}
	return names
}
