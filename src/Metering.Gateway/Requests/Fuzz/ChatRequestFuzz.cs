using System.Buffers;
using Metering.Gateway.Forwarding;

namespace Metering.Gateway.Requests.Fuzz;

/// <param name="Parsed">Cases that are chat requests; each was rewritten and read again.</param>
/// <param name="Refused">Cases that are none, and were refused in words.</param>
/// <param name="GrownBytes">By how much the managed heap grew from the first tenth to the end.</param>
public readonly record struct ChatRequestFuzzResult(long Cases, long Parsed, long Refused, long GrownBytes);

/// <summary>
/// Hostile bodies, by a seed: chat requests of every shape, spoiled ones, and bytes at random, through the parser that every request meets.
/// Each must be parsed or refused, within 10 s; what is parsed is rewritten as for a host, and must then say what the gateway decided.
/// </summary>
public static class ChatRequestFuzz
{
    private const long MaxGrownBytes = 64 << 20;

    private static readonly TimeSpan HangAfter = TimeSpan.FromSeconds(10);

    /// <exception cref="ChatRequestFuzzException">A case failed; it names the seed and the case that reproduce it.</exception>
    public static async Task<ChatRequestFuzzResult> RunAsync(int seed, long cases, CancellationToken cancellationToken)
    {
        var run = new Run(seed, cases);
        var running = Task.Run(() => run.All(cancellationToken), cancellationToken);
        while (!running.IsCompleted)
        {
            var seen = run.Current;
            await Task.WhenAny(running, Task.Delay(HangAfter, CancellationToken.None));
            if (!running.IsCompleted && seen == run.Current)
                throw new ChatRequestFuzzException(seed, seen, $"no answer within {HangAfter}", null);
        }
        return await running;
    }

    private sealed class Run(int seed, long cases)
    {
        private long _current, _parsed, _refused;

        public long Current => Volatile.Read(ref _current);

        public ChatRequestFuzzResult All(CancellationToken cancellationToken)
        {
            long firstHeap = 0;
            for (long number = 0; number < cases; number++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Volatile.Write(ref _current, number);
                if (number == cases / 10)
                    firstHeap = GC.GetTotalMemory(forceFullCollection: true);
                try
                {
                    One(new BodyMaker(new Random(unchecked((int)((seed * 2_654_435_761L) ^ (number * 40_503L))))));
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    throw new ChatRequestFuzzException(seed, number, e.Message, e);
                }
            }
            var grown = GC.GetTotalMemory(forceFullCollection: true) - firstHeap;
            return grown <= MaxGrownBytes ? new(cases, _parsed, _refused, grown) : throw new ChatRequestFuzzException(seed, cases, $"the heap grew by {grown} bytes", null);
        }

        private void One(BodyMaker maker)
        {
            var bytes = maker.Make();
            ChatRequest request;
            try
            {
                request = ChatRequestParser.Parse(bytes);
            }
            catch (BadChatRequestException)
            {
                _refused++;
                return;
            }
            _parsed++;
            Check(request, bytes, maker);
        }

        // What the host gets is again a request of the same messages, with what the gateway decided in place of what was asked for.
        private static void Check(ChatRequest request, byte[] bytes, BodyMaker maker)
        {
            using var body = new PooledBytes(bytes.Length);
            body.Write(bytes);
            var messages = bytes[request.Places.Messages.Start..request.Places.Messages.End];
            var changes = new ChatChanges(maker.Flip() ? "other/\"model\"" : null, maker.Flip() ? 7 : null, UpstreamOptions.DefaultMaxTokensName, IncludesUsage: maker.Flip(), Streams: maker.Flip());
            using var rewritten = ChatRewriter.Apply(body, request, changes, out var place);
            var again = ChatRequestParser.Parse(rewritten.Span);
            Require(again.Model == (changes.Model ?? request.Model), "the model");
            Require(again.MaxOutputTokens == (changes.MaxOutputTokens ?? request.MaxOutputTokens), "the maximum");
            Require(again.Streams == (changes.Streams || request.Streams), "the stream");
            Require(again.WantsUsage == (changes.IncludesUsage || request.WantsUsage), "the usage");
            Require(again.Choices == request.Choices && again.User == request.User, "what stays");
            Require(again.Places.Messages == place && rewritten.Span[place.Start..place.End].SequenceEqual(messages), "the messages' place");
            Require(again.Prompt.Tokens() == request.Prompt.Tokens() && request.Prompt.Tokens() >= 0, "the prompt's bound");
        }

        private static void Require(bool holds, string what)
        {
            if (!holds)
                throw new InvalidOperationException($"{what} did not survive the rewriting");
        }
    }
}

/// <summary>A body that the parser cannot stand.</summary>
public sealed class ChatRequestFuzzException(int seed, long number, string what, Exception? inner)
    : Exception(FormattableString.Invariant($"case {number} of seed {seed}: {what}; ./metering fuzz requests --seed {seed} --cases {number + 1} repeats it"), inner);
