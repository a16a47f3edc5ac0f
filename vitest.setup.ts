import fc from 'fast-check'

// Properties are tried on the same inputs every time, so that a failure is a change's and not the day's; FC_SEED tries others.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['FC_SEED'] ?? 20261122) })
