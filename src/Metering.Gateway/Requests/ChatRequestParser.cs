using System.Text;
using System.Text.Json;
using Metering.Events;

namespace Metering.Gateway.Requests;

/// <summary>
/// Reads a chat request's body in one pass: what it asks for, its worst case (R28), and where the values stand that the gateway
/// may change. A member that decides about tokens may stand there once, in its one spelling: hosts differ in which of two they
/// take, and some do not look at case.
/// </summary>
internal ref struct ChatRequestParser
{
    private const int MaxChoices = 128;

    private Utf8JsonReader _reader;
    private PromptMeter _prompt;
    private ChatPlaces _places;
    private Seen _seen;
    private string? _model;
    private string? _user;
    private bool _streams;
    private bool _wantsUsage;
    private long? _maxTokens;
    private long? _maxCompletionTokens;
    private int _choices;

    [Flags]
    private enum Seen
    {
        Nothing = 0,
        Model = 1,
        Messages = 2,
        Stream = 4,
        StreamOptions = 8,
        MaxTokens = 16,
        MaxCompletionTokens = 32,
        Choices = 64,
        User = 128,
        IncludeUsage = 256,
    }

    /// <exception cref="BadChatRequestException">It is none; hostile input ends here, never in another exception.</exception>
    public static ChatRequest Parse(ReadOnlySpan<byte> body)
    {
        var parser = new ChatRequestParser { _reader = new Utf8JsonReader(body), _choices = 1 };
        try
        {
            return parser.Body();
        }
        catch (JsonException e)
        {
            throw new BadChatRequestException($"We could not parse the JSON body of your request: {e.Message}", null);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            // The reader's way to say that text is no UTF-8.
            throw new BadChatRequestException($"We could not read a text in the body of your request: {e.Message}", null);
        }
    }

    private ChatRequest Body()
    {
        if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
            throw new BadChatRequestException("The body of your request is not a JSON object.", null);
        _places.Inside = (int)_reader.BytesConsumed;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
            Member();
        _reader.Read(); // throws when something follows the object
        return new ChatRequest
        {
            Model = _model ?? throw new BadChatRequestException("you must provide a model parameter", "model"),
            Streams = _streams,
            WantsUsage = _wantsUsage,
            Choices = _choices,
            MaxOutputTokens = Larger(_maxTokens, _maxCompletionTokens),
            User = _user,
            Prompt = _places.Messages.IsThere ? _prompt.Bound : throw new BadChatRequestException("Missing required parameter: 'messages'.", "messages"),
            Places = _places,
        };
    }

    private void Member()
    {
        if (_reader.ValueTextEquals("model"u8))
            _places.Model = Model();
        else if (_reader.ValueTextEquals("messages"u8))
            Messages();
        else if (_reader.ValueTextEquals("stream"u8))
            Stream();
        else if (_reader.ValueTextEquals("stream_options"u8))
            StreamOptions();
        else if (_reader.ValueTextEquals("max_tokens"u8))
            _places.MaxTokens = Number(Seen.MaxTokens, "max_tokens", EventLimits.MaxTokens, out _maxTokens);
        else if (_reader.ValueTextEquals("max_completion_tokens"u8))
            _places.MaxCompletionTokens = Number(Seen.MaxCompletionTokens, "max_completion_tokens", EventLimits.MaxTokens, out _maxCompletionTokens);
        else if (_reader.ValueTextEquals("n"u8))
            Choices();
        else if (_reader.ValueTextEquals("user"u8))
            User();
        else
            Other();
    }

    private BodyRange Model()
    {
        Once(Seen.Model, "model");
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.String || _reader.GetString() is not { Length: > 0 } model)
            throw new BadChatRequestException("Invalid type for 'model': expected a non-empty string.", "model");
        if (Encoding.UTF8.GetByteCount(model) > EventLimits.MaxNameBytes)
            throw new BadChatRequestException(FormattableString.Invariant($"Invalid 'model': longer than {EventLimits.MaxNameBytes} bytes."), "model");
        _model = model;
        return Here();
    }

    private void Messages()
    {
        Once(Seen.Messages, "messages");
        _reader.Read();
        var start = (int)_reader.TokenStartIndex;
        if (_reader.TokenType != JsonTokenType.StartArray)
            throw new BadChatRequestException("Invalid type for 'messages': expected an array of objects.", "messages");
        _prompt.Messages(ref _reader);
        _places.Messages = new BodyRange(start, (int)_reader.BytesConsumed);
    }

    private void StreamOptions()
    {
        Once(Seen.StreamOptions, "stream_options");
        _reader.Read();
        var start = (int)_reader.TokenStartIndex;
        if (_reader.TokenType == JsonTokenType.StartObject)
        {
            while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
            {
                _places.StreamOptionsHasMembers = true;
                if (_reader.ValueTextEquals("include_usage"u8))
                {
                    _wantsUsage = Flag(Seen.IncludeUsage, "stream_options.include_usage");
                    _places.IncludeUsage = Here();
                }
                else
                {
                    Refuse(MisspeltName("include_usage"u8));
                    _reader.Skip();
                }
            }
        }
        else if (_reader.TokenType != JsonTokenType.Null)
        {
            throw new BadChatRequestException("Invalid type for 'stream_options': expected an object.", "stream_options");
        }
        _places.StreamOptions = new BodyRange(start, (int)_reader.BytesConsumed);
    }

    private void Stream()
    {
        _streams = Flag(Seen.Stream, "stream");
        _places.Stream = Here();
    }

    private void Choices()
    {
        Number(Seen.Choices, "n", MaxChoices, out var choices);
        _choices = (int)(choices ?? 1);
    }

    private void User()
    {
        Once(Seen.User, "user");
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null)
            return;
        if (_reader.TokenType != JsonTokenType.String || _reader.ValueSpan.Length > EventLimits.MaxNameBytes)
            throw new BadChatRequestException(FormattableString.Invariant($"Invalid 'user': expected a string of at most {EventLimits.MaxNameBytes} bytes."), "user");
        _user = _reader.GetString();
    }

    private void Other()
    {
        Refuse(MisspeltName("model"u8) ?? MisspeltName("messages"u8) ?? MisspeltName("stream"u8) ?? MisspeltName("stream_options"u8)
            ?? MisspeltName("max_tokens"u8) ?? MisspeltName("max_completion_tokens"u8) ?? MisspeltName("n"u8));
        _prompt.Member(ref _reader);
    }

    private bool Flag(Seen which, string name)
    {
        Once(which, name);
        _reader.Read();
        return _reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False or JsonTokenType.Null => false,
            _ => throw new BadChatRequestException($"Invalid type for '{name}': expected a boolean.", name),
        };
    }

    // An explicit 0 is not taken for a missing one: it is refused, as OpenAI does.
    private BodyRange Number(Seen which, string name, long most, out long? number)
    {
        Once(which, name);
        _reader.Read();
        number = null;
        if (_reader.TokenType == JsonTokenType.Null)
            return Here();
        if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetInt64(out var value) || value < 1 || value > most)
            throw new BadChatRequestException(FormattableString.Invariant($"Invalid '{name}': expected a whole number from 1 to {most}."), name);
        number = value;
        return Here();
    }

    private readonly BodyRange Here() => new((int)_reader.TokenStartIndex, (int)_reader.BytesConsumed);

    private void Once(Seen which, string name)
    {
        if (_seen.HasFlag(which))
            throw new BadChatRequestException($"'{name}' stands in the body more than once.", name);
        _seen |= which;
    }

    // The same name in other case.
    private readonly string? MisspeltName(ReadOnlySpan<byte> known) =>
        _reader.ValueSpan.Length == known.Length && Ascii.EqualsIgnoreCase(_reader.ValueSpan, known) ? Encoding.UTF8.GetString(known) : null;

    private static void Refuse(string? meant)
    {
        if (meant is not null)
            throw new BadChatRequestException($"Names are lower-case: write '{meant}'.", meant);
    }

    private static long? Larger(long? one, long? other) => one is null ? other : other is null ? one : Math.Max(one.Value, other.Value);
}
