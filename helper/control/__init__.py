"""Control: acts on processes and units of others, as root with two capabilities. Shares no state with the sampler."""
