using System.Text;

namespace Metering.Core;

/// <summary>Names as UTF-8 measures them.</summary>
internal static class Utf8Text
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether a text is valid Unicode (no lone surrogate) of at most so many bytes.</summary>
    public static bool IsValid(string text, int maxBytes)
    {
        if (text.Length > maxBytes)
            return false;
        try
        {
            return Strict.GetByteCount(text) <= maxBytes;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }
}
