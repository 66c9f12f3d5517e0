package main

// configFlag defines -set for the commands that read a whole config.
func configFlag(overrides *texts) flagEntry {
	return flagEntry{overrides, "set", "KEY=VALUE", "override a key of the config, as in -set schedule.epochs=20; may repeat"}
}

// runtimeFlag defines -set for the commands that read only the runtime section.
func runtimeFlag(overrides *texts) flagEntry {
	return flagEntry{overrides, "set", "KEY=VALUE",
		"override a key of the runtime section, as in -set runtime.provider=cpu; may repeat"}
}

// skipFlag defines -skip-unreadable.
func skipFlag(skip *bool) flagEntry {
	return flagEntry{skip, "skip-unreadable", "", "leave out images that cannot be read"}
}
