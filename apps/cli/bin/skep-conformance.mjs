#!/usr/bin/env node
import '../dist/conformance.js'
