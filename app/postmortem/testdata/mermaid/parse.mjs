// Reads a JSON list of timeline diagrams from stdin, and writes to stdout what Mermaid's own parser makes of each: its
// title and its columns, or its error.
import { JSDOM } from 'jsdom'

const { window } = new JSDOM('')
globalThis.window = window // where Mermaid looks for the DOM that cleans its labels
globalThis.document = window.document
const { default: mermaid } = await import('mermaid')

async function read(diagram) {
  try {
    const { diagramType } = await mermaid.parse(diagram)
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(diagram)
    return {
      type: diagramType,
      title: db.getCommonDb().getDiagramTitle(),
      columns: db.getTasks().map(({ section, task, events }) => ({ section, period: task, events: [...events] })),
    }
  } catch (e) {
    return { error: String(e) }
  }
}

let input = ''
for await (const chunk of process.stdin) input += chunk
const out = []
for (const diagram of JSON.parse(input)) out.push(await read(diagram)) // one by one: they share Mermaid's state
process.stdout.write(JSON.stringify(out))
