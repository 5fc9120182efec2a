import { isOurs } from '../doctor/readers/read-extension-files.ts';
import { appendLines, bytesAsText, type TextLine, textLines } from './text-lines.ts';

/** A file's text after an edit, with bytes as characters, and what the user should know about it. */
export interface Edit {
  readonly content: string;
  readonly remarks: readonly string[];
}

const isComment = (text: string): boolean => text.startsWith('#') || text.startsWith(';');

/** A directory in the list means all extensions below it. */
const covers = (line: string, path: string): boolean =>
  !isComment(line) && line.startsWith('/') && path.startsWith(`${line.replace(/\/+$/, '')}/`);

/** Lines that name our executable, by any path. */
const isOurLine = ({ text }: TextLine): boolean => text !== '' && !isComment(text) && isOurs(text);

/**
 * Adds our executable to the list of extensions that osqueryd starts: at the end, or in place of an older path of it.
 * An existing line stays. So does one that was commented out, if `respectComments`.
 *
 * @param content the list, bytes as characters
 */
export const addToAutoload = (
  content: string,
  executable: string,
  options: { readonly respectComments?: boolean } = {},
): Edit => {
  const path = bytesAsText(executable);
  const lines = textLines(content);
  const covering = lines.find(({ text }) => covers(text, path));
  const off = lines.find(({ text }) => isComment(text) && text.replace(/^[#;\s]+/, '') === path);
  const isThere = lines.some(({ text }) => text === path) || covering !== undefined;
  if (!isThere && off !== undefined && options.respectComments === true) {
    return {
      content,
      remarks: [
        `line ${off.number} has it commented out, and stays so; remove the "${off.text[0]}" to load it`,
      ],
    };
  }
  const older = lines.filter(line => isOurLine(line) && line.text !== path);
  // Two instances cannot share kernel audit: the second one ends.
  const remarks = older.map(({ number, text }) => `line ${number} had another path of it: ${text}`);
  const [first] = older;
  const replaced = lines.map(line => {
    if (!older.includes(line)) return line.raw;
    return line === first && !isThere ? line.raw.replace(line.text, () => path) : '';
  });
  const edited = replaced.join('');
  if (isThere || first !== undefined) return { content: edited, remarks };
  return { content: appendLines(edited, [path]), remarks };
};

/**
 * Removes the line with our executable from the list. Lines with another path of it, and directories, were not
 * written by setup and stay.
 */
export const removeFromAutoload = (content: string, executable: string): Edit => {
  const path = bytesAsText(executable);
  const lines = textLines(content);
  const covering = lines.filter(({ text }) => covers(text, path));
  return {
    content: lines.map(({ text, raw }) => (text === path ? '' : raw)).join(''),
    remarks: covering.map(
      ({ number, text }) => `line ${number} is a directory that contains it, and stays: ${text}`,
    ),
  };
};
