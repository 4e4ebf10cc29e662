import type { Part } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { mediaTypeOf } from '#lib/media-type.ts'
import type { Fields } from './codec.ts'
import { base64Of, objectAt } from './fields.ts'

/** What is behind a reference: bytes given with it, or where they are. */
type Asset = { data: string; mediaType?: string } | { url: string }

const longestName = 255

/** AssetRef of an image → part. `at` is where it stands in the message. Throws naming the field. */
export function imagePart(value: unknown, at: string): Part {
  const given = objectAt(value, at)
  const asset = assetOf(given, at)
  if ('url' in asset) return { type: 'image', url: asset.url }
  const mediaType = sniff(asset.data) ?? asset.mediaType ?? statedType(given)
  if (!mediaType?.startsWith('image/')) throw unsupported(`${at}.data`, `${at}.data is no image of a known kind`)
  return { type: 'image', url: `data:${mediaType};base64,${asset.data}` }
}

/** AssetRef of audio → part; models take audio only with the message itself. */
export function audioPart(value: unknown, at: string): Part {
  const given = objectAt(value, at)
  const asset = assetOf(given, at)
  if ('url' in asset) throw unsupported(`${at}.uri`, `${at}.uri must be a data: URL; audio is not fetched`)
  const mediaType = sniff(asset.data) ?? asset.mediaType ?? statedType(given)
  const format = mediaType === undefined ? undefined : audioFormats[mediaType]
  if (format === undefined) throw unsupported(`${at}.data`, `${at}.data is no audio of a known kind`)
  return { type: 'audio', data: asset.data, format }
}

/** AssetRef of a document → part. */
export function documentPart(value: unknown, at: string): Part {
  const given = objectAt(value, at)
  const asset = assetOf(given, at)
  const name = nameOf(given, 'document')
  const mediaType = statedType(given)
  if ('url' in asset) return { type: 'file', name, mediaType: mediaType ?? mediaTypeOf(name), url: asset.url }
  return {
    type: 'file',
    name,
    mediaType: sniff(asset.data) ?? asset.mediaType ?? mediaType ?? mediaTypeOf(name),
    data: asset.data,
  }
}

/** One of `input_files`: {type: "file", content, mime_type}. */
export function inputFilePart(value: unknown, at: string): Part {
  const given = objectAt(value, at)
  const mediaType = statedType(given) ?? 'application/octet-stream'
  const asset = { ...given, uri: '', data: given.content, mime_type: mediaType }
  if (given.content === undefined || given.content === null)
    throw invalid(`${at}.content`, `${at}.content is required`, 'missing')
  const data = base64At(given.content, `${at}.content`)
  if (mediaType.startsWith('image/')) return imagePart({ ...asset, data }, at)
  if (mediaType.startsWith('audio/')) return audioPart({ ...asset, data }, at)
  if (mediaType.startsWith('video/')) throw unsupported(`${at}.mime_type`, 'Video is not supported')
  return { type: 'file', name: nameOf(given, 'file'), mediaType, data }
}

function assetOf(given: Fields, at: string): Asset {
  const { data, uri } = given
  if (data !== undefined && data !== null) return { data: base64At(data, `${at}.data`) }
  if (typeof uri !== 'string' || uri === '') {
    const stored = typeof given.asset_id === 'string' && given.asset_id !== ''
    if (stored) throw unsupported(`${at}.asset_id`, 'Stored assets are not known here; send data, or an http(s) URL')
    throw invalid(`${at}.uri`, `${at} needs a uri or data`, 'missing')
  }
  const scheme = /^[a-z][a-z\d+.-]*(?=:)/i.exec(uri)?.[0].toLowerCase()
  if (scheme === 'http' || scheme === 'https') return { url: httpUrl(uri, `${at}.uri`) }
  if (scheme !== 'data')
    throw unsupported(`${at}.uri`, `${at}.uri must be an http(s) or data: URL${scheme ? `; got ${scheme}:` : ''}`)
  const inline = /^data:([^;,]*)[^,]*;base64,/i.exec(uri)
  if (!inline) throw invalid(`${at}.uri`, `${at}.uri must be base64 where it is a data: URL`)
  const mediaType = inline[1]!.toLowerCase()
  return { data: base64At(uri.slice(inline[0].length), `${at}.uri`), ...(mediaType !== '' && { mediaType }) }
}

function httpUrl(uri: string, at: string): string {
  if (!URL.canParse(uri) || !uri.isWellFormed()) throw invalid(at, `${at} is not a URL`)
  return uri
}

function base64At(value: unknown, at: string): string {
  if (value instanceof Uint8Array) return base64Of(value)
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}\s*$/.test(value))
    throw invalid(at, `${at} must be bytes, or base64`)
  return value
}

/** The media type that the reference itself tells; clients put it in different places. */
function statedType(given: Fields): string | undefined {
  const metadata = typeof given.metadata === 'object' ? (given.metadata as Fields | null) : null
  for (const value of [given.mime_type, given.content_type, metadata?.mime_type, metadata?.content_type])
    if (typeof value === 'string' && /^[\w.+-]+\/[\w.+-]+$/.test(value)) return value.toLowerCase()
  return undefined
}

function nameOf(given: Fields, otherwise: string): string {
  const metadata = typeof given.metadata === 'object' ? (given.metadata as Fields | null) : null
  const fromUri = typeof given.uri === 'string' && /^https?:/i.test(given.uri) ? new URL(given.uri).pathname : ''
  const last = fromUri.slice(fromUri.lastIndexOf('/') + 1)
  for (const value of [given.name, given.filename, metadata?.name, metadata?.filename, last])
    if (typeof value === 'string' && value !== '') return value.slice(0, longestName).toWellFormed()
  return otherwise
}

const audioFormats: Record<string, string> = {
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/ogg': 'ogg',
  'audio/flac': 'flac',
  'audio/mp4': 'm4a',
  'audio/webm': 'webm',
}

/** The media type that the first bytes tell. */
function sniff(base64: string): string | undefined {
  const bytes = Buffer.from(base64.slice(0, 24), 'base64')
  const text = bytes.toString('latin1')
  if (text.startsWith('\x89PNG\r\n')) return 'image/png'
  if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (text.startsWith('GIF8')) return 'image/gif'
  if (text.startsWith('%PDF-')) return 'application/pdf'
  if (text.startsWith('OggS')) return 'audio/ogg'
  if (text.startsWith('fLaC')) return 'audio/flac'
  if (text.startsWith('ID3') || /^\xff[\xe2\xe3\xf2\xf3\xfa\xfb]/.test(text)) return 'audio/mpeg'
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp'
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WAVE') return 'audio/wav'
  return undefined
}

function unsupported(field: string, message: string): AppError {
  return new AppError('unsupported', message, { details: { field } })
}
