import { Command } from 'commander'
import { genHeaderCommand } from './gen-header.ts'
import { genObjectCommand } from './gen-object.ts'
import { genTypesCommand } from './gen-types.ts'

/** `skep gen`: what is made of objects and descriptors. */
export function genCommand(): Command {
  return new Command('gen')
    .description('make a TypeScript module of an object, one object of several, a C header of a hook')
    .addCommand(genTypesCommand())
    .addCommand(genObjectCommand())
    .addCommand(genHeaderCommand())
}
