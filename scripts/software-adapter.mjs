// Reads `gradcheck doctor --json` on stdin and prints the name of its software adapter.
import { readFileSync } from 'node:fs'

const { adapters } = JSON.parse(readFileSync(0, 'utf8'))
const software = adapters.find(({ kind }) => kind === 'software')
console.log(software?.description ?? 'no software adapter')
