import { Agent, request as ask, type RequestListener } from 'node:http'

/** Hands requests on to another server, and its answers back. */
export function createOrigin(url: URL): RequestListener {
  const agent = new Agent({ keepAlive: true })
  return (request, response) => {
    const { method, headers, url: path } = request
    const onward = ask(new URL(path ?? '/', url), { method, headers, agent } as object, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end('the origin does not answer\n')
    })
    request.pipe(onward)
  }
}
