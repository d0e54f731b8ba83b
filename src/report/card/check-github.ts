import type { CardCheck } from '../../schema/card-check.ts';
import { workflowCommand } from '../workflow-command.ts';

/** An annotation at the line of each false claim and of each contradiction; nothing where the card is right. */
export function cardCheckGithub({ card, claims, contradictions }: CardCheck): string {
  const falseClaims = claims
    .filter(({ verdict }) => verdict === 'false')
    .map(({ line, kind, says, actual, basis, reason }) =>
      workflowCommand(
        'error',
        { file: card, line: String(line), title: `quantscope card: ${kind.replaceAll('-', ' ')}` },
        `${says} is ${actual}, ${basis}: ${reason}`,
      ),
    );
  const denied = contradictions.map(({ message, values }) => {
    const said = values.map(({ says, lines }) => `${says} (line ${lines.join(', ')})`).join('; ');
    const line = values[0]?.lines[0] ?? 1;
    return workflowCommand(
      'error',
      { file: card, line: String(line), title: 'quantscope card: contradiction' },
      `${message}: ${said}`,
    );
  });
  return [...falseClaims, ...denied].join('\n');
}
