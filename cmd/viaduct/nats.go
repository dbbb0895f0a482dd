package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"viaduct/settlement/natsserver"
)

type natsCmd struct {
	Dir      string     `arg:"" type:"existingdir" help:"A directory that viaduct keys nats made; the journal's files go there too."`
	LogLevel slog.Level `default:"warn" help:"debug, info, warn or error." env:"VIADUCT_LOG_LEVEL"`
}

// Run serves until it is told to stop.
func (c natsCmd) Run(ctx context.Context, t terminal) error {
	log := slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: c.LogLevel}))
	if err := os.Chdir(c.Dir); err != nil { // the configuration's paths are relative to it
		return err
	}
	server, err := natsserver.StartConfigured(natsConfigFile, log)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(c.Dir, natsConfigFile), err)
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(stop)
}
