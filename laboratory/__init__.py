"""The laboratory: real, labelled situations, recorded through the real path, and the rules' marks for them.

`situations.toml` says what happens, what must be alerted and whom it must name. `scene.py` makes a situation happen on
the real machine, in a box with the real sampler; `record.py` keeps what `smoothtask record` saw of it. `judge.py` plays
recordings through the rules, as fast as they go, and `score.py` adds the marks up. Run by `./dev scenarios`.
"""
