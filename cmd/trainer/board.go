package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"fovea/internal/durable"
	"fovea/training/board"
	"fovea/training/mlflow"
)

func boardCommand(a *app) *command {
	listen, hosts, out, store := "127.0.0.1:8081", "", "", ""
	return &command{
		name:     "board",
		summary:  "show a folder of runs on one page, also while they train",
		synopsis: []string{"trainer board DIR [flags]"},
		text: `
Shows all runs below DIR, the output.dir of their configs, in a table: the settings in which they differ, results on the
test images with their intervals, time and device. Below it are their curves over each other. A run in progress shows
its epoch, its losses and the time that its epochs still take.

The page is served on an address of this machine until Ctrl-C. It follows the runs. -out writes it once instead.
`,
		flags: []flagEntry{
			{&listen, "listen", "HOST:PORT", `address; the default serves this machine alone. There is no password and no
				encryption`},
			{&hosts, "host", "NAME,...", "further names by which browsers may call the board, such as that of a proxy before it"},
			{&out, "out", "FILE", "write the page to FILE and end"},
			{&store, "mlflow", "DIR", `write the runs to a file store of MLflow and end. Artifacts are not copied: MLflow is
				told the run folders. Writing again updates the same runs. MLflow 3 reads a file store only if
				MLFLOW_ALLOW_FILE_STORE is true`},
		},
		examples: `
trainer board runs
trainer board runs -out board.html
trainer board runs -mlflow mlruns
`,
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			if len(operands) != 1 {
				return badUsage("expected one folder of runs, such as runs, found %q", operands)
			}
			f := board.Open(operands[0])
			runs, err := f.Runs()
			if err != nil {
				return err
			}
			if store != "" {
				whole, err := filepath.Abs(operands[0])
				if err != nil {
					return err
				}
				if err := mlflow.Write(store, filepath.Base(whole), board.ForMLflow(runs)); err != nil {
					return err
				}
				a.console.line(fmt.Sprintf("%d runs written to: %s", len(runs), store))
			}
			if out != "" {
				if err := durable.Write(out, board.NewBoard(operands[0], runs, time.Now()).Write); err != nil {
					return err
				}
				a.console.line("written to: " + out)
			}
			if store != "" || out != "" {
				return nil
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("-listen %s: %w", listen, err)
			}
			if address, ok := l.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() {
				slog.Warn("anyone in the network can see this board without a password, and nothing is encrypted",
					"remedy", "listen on 127.0.0.1, behind a proxy with a password")
			}
			a.console.line("serving on http://" + l.Addr().String())
			names := strings.FieldsFunc(hosts, func(r rune) bool { return r == ',' || r == ' ' })
			if name, _, err := net.SplitHostPort(listen); err == nil && name != "" {
				names = append(names, name)
			}
			return f.Serve(ctx, l, names...)
		},
	}
}
